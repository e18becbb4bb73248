-- Removes tombstones that every client has passed. The floor stands above them already.
--
-- KEYS: 1 log, 2 records, 3 tombstones, 4 refresh lease
-- ARGV: 1 version that every client has passed, 2 most tombstones to remove
-- Answers {how many were removed}. None while a refresh runs: by its tombstone it knows that an object was deleted
-- after the back end was asked.
if redis.call('EXISTS', KEYS[4]) == 1 then return {0} end
local ids = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[2]))
for at = 1, #ids, 2 do
  redis.call('ZREM', KEYS[1], ids[at])
  redis.call('HDEL', KEYS[2], ids[at])
  redis.call('ZREM', KEYS[3], ids[at])
end
return {#ids / 2}
