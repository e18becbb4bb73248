-- Makes uploads blobs and charges them to a user, all or none.
--
-- KEYS: 1 bytes charged by user, 2 blobs by when to look at them, 3 places by when to remove them, then the blobs
-- ARGV: 1 user, 2 most bytes it may be charged, 3 now in ms, 4 when to look at the blobs,
--       then per blob: digest, size, media type, place of the content, or '' where it is said to be known
-- Answers one of
--   {'full'}             it would be charged too much
--   {'missing', digest}  a blob that was said to be known is not
--   {'expired'}          a place is to be removed by now: the collector may be at it
--   {'ok'}               done; a place that was not needed is still to be removed
local charged = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
local by = 'by:' .. ARGV[1]
for blob = 4, #KEYS do
  local at = 5 + (blob - 4) * 4
  local known = redis.call('HEXISTS', KEYS[blob], 'place') == 1
  if not known then
    if ARGV[at + 3] == '' then return {'missing', ARGV[at]} end
    local removed_at = redis.call('ZSCORE', KEYS[3], ARGV[at + 3])
    if not removed_at or tonumber(removed_at) <= tonumber(ARGV[3]) then return {'expired'} end
  end
  if redis.call('HEXISTS', KEYS[blob], by) == 0 then charged = charged + tonumber(ARGV[at + 1]) end
end
if charged > tonumber(ARGV[2]) then return {'full'} end

for blob = 4, #KEYS do
  local at = 5 + (blob - 4) * 4
  if redis.call('HEXISTS', KEYS[blob], 'place') == 0 then
    redis.call('HSET', KEYS[blob], 'size', ARGV[at + 1], 'type', ARGV[at + 2], 'place', ARGV[at + 3])
    redis.call('ZREM', KEYS[3], ARGV[at + 3])
  end
  redis.call('HSET', KEYS[blob], by, '', 'at', ARGV[3])
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[at])
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', charged))
return {'ok'}
