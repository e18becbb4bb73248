-- Deletes a field of a hash if it still has a value.
--
-- KEYS: 1 a hash
-- ARGV: 1 field, 2 the value it must have
-- Answers {'ok'} or {'changed'}.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {'changed'} end
redis.call('HDEL', KEYS[1], ARGV[1])
return {'ok'}
