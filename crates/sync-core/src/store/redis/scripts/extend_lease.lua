-- Keeps a lease.
--
-- KEYS: 1 the lease
-- ARGV: 1 its token, 2 how much longer in ms
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'ok'}
