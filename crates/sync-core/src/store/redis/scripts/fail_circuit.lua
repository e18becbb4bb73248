-- Counts that a back end did not answer.
--
-- KEYS: 1 circuits
-- ARGV: 1 source, 2 now in ms, 3 failures after which it is left alone, 4 how long at first in ms, 5 how long at most in ms,
--       6 how long the back end wants to be left alone in ms, or 0
-- Answers {until when it is left alone in ms, or 0}. Each failure after that doubles the time.
local entry = redis.call('HGET', KEYS[1], ARGV[1]) or '0 0'
local failures = tonumber(string.match(entry, '^%d+')) + 1
local rests, most = 0, tonumber(ARGV[3])
if failures >= most then
  rests = tonumber(ARGV[2]) + math.min(tonumber(ARGV[5]), tonumber(ARGV[4]) * 2 ^ (failures - most))
end
local wanted = tonumber(ARGV[6])
if wanted > 0 then rests = math.max(rests, tonumber(ARGV[2]) + wanted) end
rests = string.format('%.0f', rests)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', failures, rests))
return {rests}
