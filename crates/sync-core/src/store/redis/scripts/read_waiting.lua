-- Reads operations that wait, in the order they were sent, as many as are not too large together.
--
-- KEYS: 1 the client's operations
-- ARGV: 1 the number of the last one that was read, 2 most bytes; the first may be larger
-- Answers {number, operation, number, operation, …}
local after, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local numbers = {}
for _, number in ipairs(redis.call('HKEYS', KEYS[1])) do
  if tonumber(number) > after then numbers[#numbers + 1] = number end
end
table.sort(numbers, function(a, b) return tonumber(a) < tonumber(b) end)
local answer = {}
for _, number in ipairs(numbers) do
  room = room - redis.call('HSTRLEN', KEYS[1], number)
  if room < 0 and #answer > 0 then break end
  answer[#answer + 1] = number
  answer[#answer + 1] = redis.call('HGET', KEYS[1], number)
end
return answer
