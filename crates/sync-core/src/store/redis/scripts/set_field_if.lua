-- Sets a field of something that exists, so that what was deleted meanwhile stays deleted.
--
-- KEYS: 1 a hash
-- ARGV: 1 field that it has as long as it exists, 2 field to set, 3 value
-- Answers {'unknown'} or {'ok'}.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return {'unknown'} end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return {'ok'}
