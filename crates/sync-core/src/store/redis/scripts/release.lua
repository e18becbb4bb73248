-- Gives the lease on a client's operations back, unless operations came in that its holder has not seen.
--
-- KEYS: 1 the client's operations, 2 their lease
-- ARGV: 1 lease token, 2 operations the holder knows to be waiting
-- Answers {'released'}, {'more'} (the lease is kept) or {'lost'} (it was somebody else's already).
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return {'lost'} end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then return {'more'} end
redis.call('DEL', KEYS[2])
return {'released'}
