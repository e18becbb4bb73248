-- Moves a client's cursor past changes it needs not be told about. Never moves it back, nor one that does not
-- simply follow: its way out of that state is a token.
--
-- KEYS: 1 clients
-- ARGV: 1 client, 2 user, 3 version, 4 1 if that was the end of the log, so that the client has everything
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return {'unbound'} end
local cursor, base, rest, state, user = string.match(entry, '^(%d+),(%d+),(%d+,%d+,%d+,%d+,([^,]*),(.*))$')
if user ~= ARGV[2] then return {'unbound'} end
if state == '' and tonumber(ARGV[3]) > tonumber(cursor) then
  if ARGV[4] == '1' then base = ARGV[3] end
  redis.call('HSET', KEYS[1], ARGV[1], table.concat({ARGV[3], base, rest}, ','))
end
return {'ok'}
