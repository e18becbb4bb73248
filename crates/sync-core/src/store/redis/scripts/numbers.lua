-- Numbers of operations. It stands before the scripts that take operations in.
--
-- A document that was removed and has come to be again goes on beyond the numbers of its earlier lives: operations of those may still
-- wait, or be worked on, and none may be taken for another. So its first number is the time in µs, which no life outruns.
local function next_number(head)
  local number = redis.call('HINCRBY', head, 'q', 1)
  if number == 1 then
    local time = redis.call('TIME')
    number = time[1] * 1000000 + time[2]
    redis.call('HSET', head, 'q', string.format('%.0f', number))
  end
  return string.format('%.0f', number)
end
