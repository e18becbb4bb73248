-- Gives a lease back, unless it is somebody else's by now.
--
-- KEYS: 1 the lease
-- ARGV: 1 its token
-- Answers {'dropped'} or {'lost'}.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
redis.call('DEL', KEYS[1])
return {'dropped'}
