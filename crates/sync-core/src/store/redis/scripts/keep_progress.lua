-- Keeps how far a refresh has come, so that the next goes on there if it breaks off.
--
-- KEYS: 1 refresh lease, 2 progress, 3 ids seen
-- ARGV: 1 lease token, 2 lifetime in ms, 3 position, 4 version at the refresh's begin, then ids that were seen lately
-- Answers {'fenced'} when the lease is somebody else's now, else {'ok'}.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'fenced'} end
for at = 5, #ARGV do redis.call('SADD', KEYS[3], ARGV[at]) end
redis.call('PEXPIRE', KEYS[3], ARGV[2])
redis.call('HSET', KEYS[2], 'position', ARGV[3], 'v', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'ok'}
