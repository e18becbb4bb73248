-- Removes tombstones that every client has passed.
--
-- KEYS: 1 head, 2 log, 3 records, 4 tombstones, 5 refresh lease
-- ARGV: 1 version that every client has passed, 2 most tombstones to remove
-- Answers {how many were removed}. None while a refresh runs: by its tombstone it knows that an object was deleted
-- after the back end was asked.
if redis.call('EXISTS', KEYS[5]) == 1 then return {0} end
local ids = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[2]))
for at = 1, #ids, 2 do
  redis.call('ZREM', KEYS[2], ids[at])
  redis.call('HDEL', KEYS[3], ids[at])
  redis.call('ZREM', KEYS[4], ids[at])
end
if #ids > 0 then redis.call('HSET', KEYS[1], 'floor', ids[#ids]) end
return {#ids / 2}
