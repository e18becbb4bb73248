-- Notes that a change was done of which its device was told that it failed.
--
-- KEYS: 1 the client's creates, 2 its changes that have names
-- ARGV: 1 temporary id of a create, or '', 2 the id that it got, 3 name that the device has for the change, or '', 4 its verdict (JSON)
-- Answers {'ok'}. What is remembered no more, or was sent again, stays as it is.
local digest = ARGV[1] ~= '' and string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(#%x+)!%d+$')
if digest then redis.call('HSET', KEYS[1], ARGV[1], digest .. '=' .. ARGV[2]) end
digest = ARGV[3] ~= '' and string.match(redis.call('HGET', KEYS[2], ARGV[3]) or '', '^(%x+) ')
if digest then redis.call('HSET', KEYS[2], ARGV[3], digest .. ' ' .. ARGV[4]) end
return {'ok'}
