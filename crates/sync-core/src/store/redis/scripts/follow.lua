-- Notes where a device is that keeps its cursor itself. It has a place here already: `bind` has run.
--
-- KEYS: 1 head, 2 clients, 3 the client's outbox
-- ARGV: 1 client, 2 user, 3 version that it has met, 4 version up to which it has every attribute, 5 version at which it started,
--       6 today, 7 the document's life as its cursor has it, or '' where it begins
-- Answers one of
--   {'restored'}                 the document is another, or went back in time
--   {'too-old'}                  tombstones that the device needs may be gone
--   {'unbound'}                  `bind` has not run after all
--   {'ok', version, life}
-- What was kept in the outbox for those who look after the server is told by now.
local head = redis.call('HMGET', KEYS[1], 'v', 'floor', 'life')
local version = tonumber(head[1] or '0')
local cursor, base, since = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if ARGV[7] == '' then
  since = version
elseif ARGV[7] ~= head[3] or cursor > version then
  return {'restored'}
elseif (base > 0 and cursor or math.max(cursor, since)) < tonumber(head[2] or '0') then
  return {'too-old'}
end
local entry = redis.call('HGET', KEYS[2], ARGV[1])
if not entry then return {'unbound'} end
local offset = string.match(entry, '^%d+,%d+,%d+,(%d+),')
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f,%.0f,%.0f,%s,%.0f,%s,,%s',
  cursor, base, 2 * cursor + (base < cursor and 1 or 0), offset, since, ARGV[6], ARGV[2]))
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[3])
return {'ok', string.format('%.0f', version), head[3]}
