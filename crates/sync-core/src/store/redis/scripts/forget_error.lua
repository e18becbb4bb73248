-- Forgets what is wrong with a source, if it is of one kind: what that was about succeeds again.
--
-- KEYS: 1 head
-- ARGV: 1 kind
local known = redis.call('HGET', KEYS[1], 'err')
if known and cjson.decode(known).kind == ARGV[1] then redis.call('HDEL', KEYS[1], 'err') end
return {'ok'}
