-- The time that scripts go by. It stands before each of those.
--
-- ARGV[1] is empty, or the time in ms where a test has its own. The others are each script's.
--
-- Now, in ms. It is the store's: hosts' clocks need not agree.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
