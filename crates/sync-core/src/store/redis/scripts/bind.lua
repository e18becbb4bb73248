-- Gives a client a cursor at the start of a partition, if it has none there that is its user's.
--
-- KEYS: 1 head, 2 clients, 3 the client's outbox, 4 the client's creates, 5 what it found, 6 what it holds,
--       7 the client's creates by time, 8 its changes that have names
-- ARGV: 1 client, 2 user, 3 smallest offset of its versions, 4 today, 5 state of a new cursor, 6 the document's life, where it has
--       none yet, 7 sequence number of the last push that another document took in, 8 lifetime of remembered creates in s
-- What an earlier binding of another user left is removed, and its tokens stay behind the new offset.
local life = redis.call('HGET', KEYS[1], 'life')
if not life then
  life = ARGV[6]
  redis.call('HSET', KEYS[1], 'life', life)
end
-- The upper bits of a token tell of which document's life it is, so that no other number passes for one. The first is always
-- set: RhoConnect's tokens are smaller.
local epoch = (2048 + tonumber(string.sub(life, 1, 4), 16) % 2048) * 2^41
local entry = redis.call('HGET', KEYS[2], ARGV[1])
local offset = epoch + tonumber(ARGV[3])
local version = tonumber(redis.call('HGET', KEYS[1], 'v') or '0')
if entry then
  local old_offset, user = string.match(entry, '^%d+,%d+,%d+,(%d+),%d+,%d+,[^,]*,(.*)$')
  if user == ARGV[2] then return {'bound'} end
  offset = math.max(offset, tonumber(old_offset) + math.max(version, 1))
end
redis.call('DEL', KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
if ARGV[7] ~= '0' then
  redis.call('HSET', KEYS[4], '', ARGV[7])
  redis.call('EXPIRE', KEYS[4], ARGV[8])
end
redis.call('HSET', KEYS[2], ARGV[1],
  string.format('0,0,0,%.0f,%.0f,%s,%s,%s', offset, version, ARGV[4], ARGV[5], ARGV[2]))
return {'new'}
