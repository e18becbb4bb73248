-- Sets a client's cursor back to the start: everything is news to it again.
--
-- KEYS: 1 head, 2 clients, 3 the client's outbox, 4 the client's creates, 5 what it found, 6 what it holds,
--       7 the client's creates by time, 8 its changes that have names
-- ARGV: 1 client, 2 user, 3 state: '' for a reset the device asked for, 'restart' for one it has to be told of, 'requested' for
--       one that an administrator asks for, 'leave' to take back, page by page,
--       what the device has of this partition; operations it sent at the offset before stay its own,
--       4 a token of this document that is ahead of it, or '': the new offset is beyond it
-- Answers {'unbound'}, {'ok'}, or {'restart'} where it should leave and has to be told to start over anyway: then nothing is to be
-- taken back.
-- Tokens given out before stay behind the new offset, so that none of them can move the new cursor.
local entry = redis.call('HGET', KEYS[2], ARGV[1])
if not entry then return {'unbound'} end
local offset, since, day, state, user =
  string.match(entry, '^%d+,%d+,%d+,(%d+),(%d+),(%d+),([^,]*),(.*)$')
if user ~= ARGV[2] then return {'unbound'} end
local wanted = ARGV[3]
if wanted == 'requested' then
  -- A device that has names for its changes keeps its cursor itself, and its changes over a reset: what became of those that it
  -- has sent stays as well, since others may be of the same objects.
  if redis.call('EXISTS', KEYS[8]) == 1 then return {'ok'} end
  wanted = 'restart'
end
local version = tonumber(redis.call('HGET', KEYS[1], 'v') or '0')
if wanted == 'leave' then
  if string.sub(state, 1, 6) == 'leave:' then return {'ok'} end
  if state == 'restart' then return {'restart'} end
  state = 'leave:' .. offset
elseif wanted == 'restart' and state == 'restart' then
  return {'ok'}
else
  state, since = wanted, string.format('%.0f', version)
  redis.call('DEL', KEYS[3], KEYS[4], KEYS[6], KEYS[7])
end
local next_offset = offset_beyond(math.max(tonumber(offset) + math.max(version, 1), tonumber(ARGV[4]) or 0))
redis.call('HSET', KEYS[2], ARGV[1], string.format('0,0,0,%.0f,%s,%s,%s,%s', next_offset, since, day, state, user))
return {'ok'}
