-- Reads counters of steps of time, one text for each step, so that a reply has few values.
--
-- KEYS: 1 the metrics; `<it>:<length>:<number>` is made from it, in the same slot
-- ARGV: 1 length of the steps, `minute` or `hour`, 2 number of the first, 3 how many, then the counters
-- Answers for each step its numbers, with spaces between; 0 for what was not counted.
local answer = {}
for step = 0, tonumber(ARGV[3]) - 1 do
  local key = string.format('%s:%s:%.0f', KEYS[1], ARGV[1], tonumber(ARGV[2]) + step)
  local numbers = redis.call('HMGET', key, unpack(ARGV, 4))
  for at = 1, #numbers do numbers[at] = numbers[at] or '0' end
  answer[#answer + 1] = table.concat(numbers, ' ')
end
return answer
