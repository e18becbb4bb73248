-- Creates a user unless there is one of that name.
--
-- KEYS: 1 the user
-- ARGV: 1 password hash, 2 session generation, 3 now in ms
if redis.call('EXISTS', KEYS[1]) == 1 then return {'exists'} end
redis.call('HSET', KEYS[1], 'pw', ARGV[1], 'gen', ARGV[2], 'at', ARGV[3])
return {'ok'}
