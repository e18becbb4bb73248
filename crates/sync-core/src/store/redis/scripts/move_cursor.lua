-- Moves a client's cursor past changes it needs not be told about. Never moves it back.
--
-- KEYS: 1 clients
-- ARGV: 1 client, 2 user, 3 version
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return {'unbound'} end
local cursor, rest, user = string.match(entry, '^(%d+)(,%d+,%d+,%d+,[^,]*,(.*))$')
if user ~= ARGV[2] then return {'unbound'} end
if tonumber(ARGV[3]) > tonumber(cursor) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. rest)
end
return {'ok'}
