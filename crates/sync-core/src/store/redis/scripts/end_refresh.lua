-- Ends a refresh and gives its lease back.
--
-- KEYS: 1 head, 2 refresh lease
-- ARGV: 1 lease token, 2 now in ms, 3 source error (JSON) or ''
--       4 1 if the answer is known to be what the document holds now, 0 if not, '' where there is none,
--       5 version at the refresh's begin
--       6 ETag, 7 digest of the answer, 8 when it began in ms
-- Answers {'fenced'} when the lease is somebody else's now, else {'ok'}.
-- Tag and digest are kept only if nothing else was written meanwhile: they vouch for the whole document.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return {'fenced'} end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'at', ARGV[2])
-- A time set while it ran asks for another one.
local due = redis.call('HGET', KEYS[1], 'due')
if due and tonumber(due) <= tonumber(ARGV[8]) then redis.call('HDEL', KEYS[1], 'due') end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'err', ARGV[3]) else redis.call('HDEL', KEYS[1], 'err') end
if ARGV[4] == '' then return {'ok'} end
local written = tonumber(redis.call('HGET', KEYS[1], 'w') or '0')
if ARGV[4] == '1' and written <= tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[1], 'et', ARGV[6], 'dg', ARGV[7])
else
  redis.call('HDEL', KEYS[1], 'et', 'dg')
end
return {'ok'}
