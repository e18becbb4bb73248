-- Counts that a back end did not answer.
--
-- KEYS: 1 circuits
-- ARGV: 1 source, 2 now in ms where a test has a time of its own, or '', 3 failures after which it is left alone,
--       4 how long at first in ms, 5 how long at most in ms, 6 how long the back end wants to be left alone in ms, or 0
-- Answers {for how long it is left alone in ms, or 0}. Each failure after that doubles the time.
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local entry = redis.call('HGET', KEYS[1], ARGV[1]) or '0 0'
local failures = tonumber(string.match(entry, '^%d+')) + 1
local rests, most = 0, tonumber(ARGV[3])
if failures >= most then
  rests = now + math.min(tonumber(ARGV[5]), tonumber(ARGV[4]) * 2 ^ (failures - most))
end
local wanted = tonumber(ARGV[6])
if wanted > 0 then rests = math.max(rests, now + wanted) end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f', failures, rests))
return {string.format('%.0f', math.max(rests - now, 0))}
