-- Sets a text if it is still what it was.
--
-- KEYS: 1 a string
-- ARGV: 1 the value it must have, empty if there must be none, 2 value to set, empty to remove it
-- Answers {'ok'} or {'changed'}.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return {'changed'} end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return {'ok'}
