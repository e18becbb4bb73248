-- Says that tombstones up to a version are about to be collected: no client's cursor moves back below them from now on.
--
-- KEYS: 1 head, 2 tombstones
-- ARGV: 1 version that every client has passed
-- Answers {version of the last tombstone that is about to go}, or {0} where there is none.
local last = redis.call('ZREVRANGEBYSCORE', KEYS[2], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
if not last then return {'0'} end
if tonumber(last) > tonumber(redis.call('HGET', KEYS[1], 'floor') or '0') then redis.call('HSET', KEYS[1], 'floor', last) end
return {last}
