-- Keeps an operation for a later attempt.
--
-- KEYS: 1 the client's operations, 2 their lease, 3 head
-- ARGV: 1 number of the operation, 2 the operation with the attempt counted, 3 lease token, 4 the lease's extension in ms,
--       5 what is wrong with the source (JSON), or ''
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return {'lost'} end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return {'gone'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[3], 'err', ARGV[5]) end
return {'ok'}
