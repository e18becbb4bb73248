-- Adds to counters: to those that only grow, and to those of this minute and this hour.
--
-- KEYS: 1 the metrics; `<it>:minute:<number>` and `<it>:hour:<number>` are made from it, in the same slot
-- ARGV: 2 number of counters,
--       then field and amount of each counter, then of each sum that only the minute has
-- Answers {'ok'}.
-- How long minutes and hours are kept, in s.
local MINUTE, HOUR = 3 * 3600 + 60, 90 * 86400 + 3600
local seconds = now / 1000
local function key(kind, length) return string.format('%s:%s:%.0f', KEYS[1], kind, math.floor(seconds / length)) end
local minute, hour = key('minute', 60), key('hour', 3600)
local sums = 3 + 2 * tonumber(ARGV[2])
for at = 3, #ARGV, 2 do
  redis.call('HINCRBY', minute, ARGV[at], ARGV[at + 1])
  if at < sums then
    redis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1])
    redis.call('HINCRBY', hour, ARGV[at], ARGV[at + 1])
  end
end
redis.call('EXPIRE', minute, MINUTE)
redis.call('EXPIRE', hour, HOUR)
return {'ok'}
