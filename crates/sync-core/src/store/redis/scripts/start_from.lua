-- Lets a client go on from a version it has everything of, by a bulk data file: whatever it had before, it has thrown away.
--
-- KEYS: 1 head, 2 clients, 3 the client's outbox, 4 the client's operations, 5 what it holds
-- ARGV: 1 client, 2 user, 3 version of the file, 0 for one that has nothing, 4 today, 5 the life of the document that the file is of
-- Answers one of
--   {'unbound'}                  the client has no cursor here, or it belongs to another user
--   {'stale'}                    the file does not do any more: tombstones after its version are gone, the schema is another,
--                                or the document was removed and has come to be again
--   {'waiting'}                  changes of the client wait for their verdict: what they come to is not in the file
--   {'ok'}
local entry = redis.call('HGET', KEYS[2], ARGV[1])
if not entry then return {'unbound'} end
local offset, user = string.match(entry, '^%d+,%d+,%d+,(%d+),%d+,%d+,[^,]*,(.*)$')
if user ~= ARGV[2] then return {'unbound'} end

local head = redis.call('HMGET', KEYS[1], 'v', 'floor', 'schemav', 'life')
local file = tonumber(ARGV[3])
local schema = string.match(head[3] or '', '^(%d+),')
if file > 0 and (head[4] ~= ARGV[5] or tonumber(head[2] or '0') > file or tonumber(schema or '0') > file) then
  return {'stale'}
end
if redis.call('HLEN', KEYS[4]) > 0 then return {'waiting'} end

local function text(number) return string.format('%.0f', number) end
local version = tonumber(head[1] or '0')
-- What the client has not been told yet comes after the file.
local told = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[3])
for _, item in ipairs(told) do
  version = math.max(version, 1) + 1
  redis.call('ZADD', KEYS[3], text(version), item)
end
if #told > 0 then redis.call('HSET', KEYS[1], 'v', text(version)) end

redis.call('DEL', KEYS[5])
-- No token of before moves the new cursor. What the client itself has changed since the file was made is news to it: so it
-- starts now, with everything up to the file.
redis.call('HSET', KEYS[2], ARGV[1], table.concat(
  {ARGV[3], ARGV[3], '0', text(offset_beyond(tonumber(offset) + math.max(version, 1))), text(version), ARGV[4], '', user}, ','))
return {'ok'}
