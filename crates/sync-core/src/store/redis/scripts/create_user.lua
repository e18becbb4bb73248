-- Creates a user or an administrator unless there is one of that name.
--
-- KEYS: 1 the user
-- ARGV: 1 password hash, 2 session generation, 3 now in ms, then fields and their values
if redis.call('EXISTS', KEYS[1]) == 1 then return {'exists'} end
redis.call('HSET', KEYS[1], 'pw', ARGV[1], 'gen', ARGV[2], 'at', ARGV[3])
for at = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return {'ok'}
