-- Takes changes in that a device has names for, each on its own, and tries to become the one who works on them.
--
-- KEYS: 1 head, 2 clients, 3 the client's operations, 4 their lease, 5 the client's creates, 6 its creates by time,
--       7 its changes that have names, 8 those by time
-- ARGV: 1 client, 2 user, 3 lease token or '' for none, 4 lease in ms, 5 most operations that may wait, 6 lifetime of what is
--       remembered in s, 7 now in ms, then per change: name, digest, the object's id if it is a create or else '', digest of
--       the create's content, version that the device had seen, JSON
-- Answers {'unbound'}, or {'ok', 1 if the lease was got or else 0, operations that waited before, the device's offset}, and for each
-- change
--   a number     it is taken in now, as the operation of this number
--   'waits'      it was taken in earlier
--   'reused'     the name was used for another change
--   'taken'      another create has made an object by this id
--   'full'       too many operations wait
--   a verdict    (JSON) it was sent before, and has this
-- Most that are remembered: the oldest make room, but for those that wait.
local MOST_REMEMBERED = 10000
-- Most that are forgotten by one call: a script holds up all others.
local BATCH = 200
local entry = redis.call('HGET', KEYS[2], ARGV[1])
local offset, user
if entry then offset, user = string.match(entry, '^%d+,%d+,%d+,(%d+),%d+,%d+,[^,]*,(.*)$') end
if user ~= ARGV[2] then return {'unbound'} end
local waited = redis.call('HLEN', KEYS[3])
local waiting = waited
local answer = {'ok', 0, waited, offset}
for at = 8, #ARGV, 6 do
  local name, temporary, said = ARGV[at], ARGV[at + 2], 'waits'
  local known = redis.call('HGET', KEYS[7], name)
  if known then
    local digest, verdict = string.match(known, '^(%x+) ?(.*)$')
    if digest ~= ARGV[at + 1] then said = 'reused' elseif verdict ~= '' then said = verdict end
  elseif waiting >= tonumber(ARGV[5]) then
    said = 'full'
  elseif temporary ~= '' and redis.call('HEXISTS', KEYS[5], temporary) == 1 then
    said = 'taken'
  else
    redis.call('HSET', KEYS[7], name, ARGV[at + 1])
    redis.call('ZADD', KEYS[8], ARGV[7], name)
    if temporary ~= '' then
      redis.call('HSET', KEYS[5], temporary, '#' .. ARGV[at + 3])
      redis.call('ZADD', KEYS[6], ARGV[7], temporary)
    end
    local number = next_number(KEYS[1])
    redis.call('HSET', KEYS[3], number, table.concat({offset, ARGV[at + 4], '0,0', ARGV[at + 4], '0 '}, ',') .. ARGV[at + 5])
    waiting, said = waiting + 1, number
  end
  answer[#answer + 1] = said
end
if waiting > waited then
  for key = 5, 8 do redis.call('EXPIRE', KEYS[key], ARGV[6]) end
  local before = string.format('(%.0f', tonumber(ARGV[7]) - tonumber(ARGV[6]) * 1000)
  local old = redis.call('ZRANGEBYSCORE', KEYS[8], '-inf', before, 'LIMIT', 0, BATCH)
  if #old == 0 then
    local over = math.min(redis.call('ZCARD', KEYS[8]) - MOST_REMEMBERED, BATCH)
    if over > 0 then old = redis.call('ZRANGE', KEYS[8], 0, over - 1) end
  end
  for _, name in ipairs(old) do
    if string.find(redis.call('HGET', KEYS[7], name) or ' ', ' ', 1, true) then
      redis.call('HDEL', KEYS[7], name)
      redis.call('ZREM', KEYS[8], name)
    end
  end
end
if waiting > 0 and ARGV[3] ~= '' and redis.call('SET', KEYS[4], ARGV[3], 'NX', 'PX', ARGV[4]) then answer[2] = 1 end
return answer
