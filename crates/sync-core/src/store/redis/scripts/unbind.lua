-- Takes a client out of a partition.
--
-- KEYS: 1 head, 2 clients, 3 the client's outbox, 4 the client's creates, 5 what it found, 6 what it holds,
--       7 the client's creates by time, 8 its changes that have names
-- ARGV: 1 client, 2 'told' if only what has been told everything is to be taken out, or ''
-- Answers {'untold'}, or {offset at which the versions of the client's next binding must start, without the document's epoch,
-- sequence number of the last push that was taken in}. Operations that wait for their verdict stay: they were accepted.
local entry = redis.call('HGET', KEYS[2], ARGV[1])
if not entry then return {'0', '0'} end
if ARGV[2] == 'told' and redis.call('EXISTS', KEYS[3]) == 1 then return {'untold'} end
local offset = string.match(entry, '^%d+,%d+,%d+,(%d+),')
local version = tonumber(redis.call('HGET', KEYS[1], 'v') or '0')
local pushed = redis.call('HGET', KEYS[4], '') or '0'
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
return {string.format('%.0f', tonumber(offset) % 2^41 + math.max(version, 1)), pushed}
