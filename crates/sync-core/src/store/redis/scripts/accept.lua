-- Takes a device's operations in, all or none, and tries to become the one who works on them.
--
-- KEYS: 1 head, 2 clients, 3 the client's operations, 4 their lease, 5 the client's creates, 6 its outbox,
--       7 its creates by time
-- ARGV: 1 client, 2 user, 3 lease token or '' for none, 4 lease in ms, 5 most operations that may wait, 6 lifetime of remembered
--       creates in s, 7 the push's sequence number or '', 8 now in ms, then per operation: temporary id if it is a create or
--       else '', digest of the create's content, JSON. A '+' before the digest: it is the update that a create has become
--       which was sent before with other content
-- Answers one of
--   {'unbound'}                  the client has no cursor here
--   {'full'}                     too many operations wait already
--   {'repeated'}                 this push or a later one was taken in before
--   {'changed', temporary id, …} these creates were sent before with other content, and did not fail: nothing was taken in
--   {'ok', 1 if the lease was got or else 0, operations that waited before, the number of the first that was taken in or 0, how many
--    were, with numbers from there on, how many creates have failed before and are taken in
--    again, for each its temporary id and the version at which its failure was told, then temporary id, new id, …}
--                                creates that were done before, with the ids they got; they are not taken in again
-- Most creates of a client that are remembered: the oldest make room, but for those that wait.
local MOST_REMEMBERED = 10000
-- Most that are forgotten by one call: a script holds up all others.
local BATCH = 200
-- Most items of an outbox that are looked through.
local MOST_LOOKED_AT = 100
-- What became of a create, and the digest of its content.
local function remembered(temporary)
  local known = redis.call('HGET', KEYS[5], temporary)
  if not known then return nil end
  local digest, outcome = string.match(known, '^#(%x+)(.*)$')
  return outcome or known, digest
end

local entry = redis.call('HGET', KEYS[2], ARGV[1])
local cursor, base, offset, since, state, user
if entry then
  cursor, base, offset, since, state, user = string.match(entry, '^(%d+),(%d+),%d+,(%d+),(%d+),%d+,([^,]*),(.*)$')
end
if user ~= ARGV[2] then return {'unbound'} end
local waited = redis.call('HLEN', KEYS[3])
local waiting = waited
local untold = redis.call('ZCARD', KEYS[6])
-- Links that the device has yet to get give it objects, perhaps ones that it deletes here by the ids it has seen.
local lacks_links = waiting > 0 or untold > 0
-- Refusals give it back values, perhaps of what it changes here. Many items are not looked through.
local set_back = waiting > 0 or untold > MOST_LOOKED_AT
if not set_back and untold > 0 then
  for _, item in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1)) do
    if string.find(item, '"k":"update-error"', 1, true) then set_back = true end
  end
end
if ARGV[7] ~= '' and tonumber(ARGV[7]) <= tonumber(redis.call('HGET', KEYS[5], '') or '0') then
  return {'repeated'}
end
if waiting + (#ARGV - 8) / 3 > tonumber(ARGV[5]) then return {'full'} end
local changed = {'changed'}
for at = 9, #ARGV, 3 do
  if ARGV[at] ~= '' and string.sub(ARGV[at + 1], 1, 1) ~= '+' then
    local outcome, digest = remembered(ARGV[at])
    if digest and digest ~= ARGV[at + 1] and string.sub(outcome, 1, 1) ~= '!' then changed[#changed + 1] = ARGV[at] end
  end
end
if #changed > 1 then return changed end

-- No temporary id is empty, so that field is free for the sequence.
if ARGV[7] ~= '' then
  redis.call('HSET', KEYS[5], '', ARGV[7])
  redis.call('EXPIRE', KEYS[5], ARGV[6])
end
local done, again, has_created, first = {}, {}, false, '0'
for at = 9, #ARGV, 3 do
  local temporary, new = ARGV[at], true
  if temporary ~= '' then
    local content = string.match(ARGV[at + 1], '%x+')
    local known, digest = remembered(temporary)
    local outcome = known and string.sub(known, 1, 1)
    if outcome == '!' and (digest ~= content or tonumber(string.sub(known, 2)) <= tonumber(cursor)) then
      -- The device knows that it failed, or thinks better of it, and tries once more.
      again[#again + 1] = temporary
      again[#again + 1] = string.sub(known, 2)
      known = nil
    end
    if known then
      new = content ~= ARGV[at + 1]
      if new then redis.call('HSET', KEYS[5], temporary, '#' .. content .. known) end
      if outcome == '=' then
        done[#done + 1] = temporary
        done[#done + 1] = string.sub(known, 2)
      end
    else
      redis.call('HSET', KEYS[5], temporary, '#' .. content)
      redis.call('ZADD', KEYS[7], ARGV[8], temporary)
      redis.call('EXPIRE', KEYS[5], ARGV[6])
      redis.call('EXPIRE', KEYS[7], ARGV[6])
      has_created = true
    end
  end
  if new then
    local number = next_number(KEYS[1])
    if first == '0' then first = number end
    -- The offset tells the device's lives apart: it grows when the device starts over. One that has yet to be told to
    -- starts over after this change, and has nothing of it then: the change is of no life that goes on. A device whose
    -- cursor waits so has an offset above 0.
    local life = state == 'restart' and '0' or offset
    local lacks = (lacks_links or #done > 0) and '1' or '0'
    local place = table.concat({life, cursor, lacks, set_back and '1' or '0', base, since}, ',')
    redis.call('HSET', KEYS[3], number, place .. ' ' .. ARGV[at + 2])
    waiting = waiting + 1
  end
end
if has_created then
  local before = string.format('(%.0f', tonumber(ARGV[8]) - tonumber(ARGV[6]) * 1000)
  local old = redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', before, 'LIMIT', 0, BATCH)
  if #old == 0 then
    local over = math.min(redis.call('ZCARD', KEYS[7]) - MOST_REMEMBERED, BATCH)
    if over > 0 then old = redis.call('ZRANGE', KEYS[7], 0, over - 1) end
  end
  for _, temporary in ipairs(old) do
    if remembered(temporary) ~= '' then
      redis.call('HDEL', KEYS[5], temporary)
      redis.call('ZREM', KEYS[7], temporary)
    end
  end
end
local leased = 0
if waiting > 0 and ARGV[3] ~= '' and redis.call('SET', KEYS[4], ARGV[3], 'NX', 'PX', ARGV[4]) then leased = 1 end
local answer = {'ok', leased, waited, first, waiting - waited, #again / 2}
for _, value in ipairs(again) do answer[#answer + 1] = value end
for _, value in ipairs(done) do answer[#answer + 1] = value end
return answer
