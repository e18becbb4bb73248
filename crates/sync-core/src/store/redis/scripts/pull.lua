-- Acknowledges a client's token and says what lies after its cursor.
--
-- KEYS: 1 head, 2 log, 3 clients, 4 the client's outbox, 5 tombstones, 6 the client's operations,
--       7 records, 8 what the client holds
-- ARGV: 1 client, 2 user, 3 token, 'given' for the page given out last, or '', 4 most objects, 5 today (days since 1970),
--       6 most bytes of records, and of what waits in the outbox; one of each may be larger
-- Answers one of
--   {'unbound'}                  the client has no cursor here, or it belongs to another user
--   {'ahead'}                    the token is of this document, but as far as the store knows it was never given out: the store
--                                went back in time
--   {'page cursor base offset since state version live refreshed-at refresh-due took metadata schema waiting end before
--     outbox records held error', id, version, id, version, …}
--                                in one text, with a space between: each value of a reply costs a component as much as it has
--                                bytes. `metadata` and `schema` are their marks; `waiting` operations; `end` the version the
--                                page reaches; `before` the objects before the cursor (0 where it is at the end); `outbox` how
--                                many items; `records` 1 if a record follows each version, else 0; `held` when the client
--                                searched last, or 0; the source's `error` last
-- `base` is the version up to which the client has every attribute. A number that is no token of this document acknowledges
-- nothing.
-- Items of the outbox that are looked at together.
local ITEMS = 32
local entry = redis.call('HGET', KEYS[3], ARGV[1])
if not entry then return {'unbound'} end
local cursor, base, given, offset, since, day, state, user =
  string.match(entry, '^(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),([^,]*),(.*)$')
if user ~= ARGV[2] then return {'unbound'} end
local held = redis.call('HGET', KEYS[8], '') or 0
local head = redis.call('HMGET', KEYS[1], 'v', 'n', 'at', 'err', 'metav', 'schemav', 'due', 'took')
if ARGV[3] == '' and state == '' and day == ARGV[5] and cursor == (head[1] or '0') then
  -- Most polls find nothing new: nothing is written, and no number is taken apart.
  return {table.concat({'page', cursor, base, offset, since, state, cursor, head[2] or '0', head[3] or '0', head[7] or '0', head[8] or '0',
    head[5] or '', head[6] or '', redis.call('HLEN', KEYS[6]), cursor, 0, 0, 0, held, head[4] or ''}, ' ')}
end
cursor, base, given, offset = tonumber(cursor), tonumber(base), tonumber(given), tonumber(offset)
-- An odd number is that of a page that was cut.
local was_cut = given % 2 == 1
given = math.floor(given / 2)

local version = tonumber(head[1] or '0')

-- Numbers are written with %.0f: Lua's own conversion rounds to 14 digits.
local function text(number) return string.format('%.0f', number) end

local moved = day ~= ARGV[5]
if ARGV[3] ~= '' then
  local acknowledged = 0
  if ARGV[3] == 'given' then
    if state == 'restart' then acknowledged = 1
    elseif not was_cut then acknowledged = given end
  else
    local token, epoch = tonumber(ARGV[3]), 2^41
    if math.floor(token / epoch) == math.floor(offset / epoch) then acknowledged = token - offset end
  end
  if state == 'restart' then
    -- The page that told the device to start over carries the first number after the offset.
    -- Only now has it thrown away what it had, and with it what it did before it was told.
    if acknowledged == 1 then state, since, moved = '', text(version), true end
  elseif acknowledged > math.max(cursor, given, 1) then
    return {'ahead'}
  end
  if acknowledged > cursor and state ~= 'restart' then
    cursor, moved = acknowledged, true
    if acknowledged == given and not was_cut then base = acknowledged end
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', text(cursor))
  end
end
local reached, before, waiting_out, found, records = version, 0, 0, {}, nil
if cursor < version and state ~= 'restart' then
  local limit = tonumber(ARGV[4])
  found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(cursor), '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
  local is_cut = #found == 2 * limit
  -- A few records cost less here than another command; many would be slow.
  if #found > 0 and #found <= 2 * 32 then
    local ids = {}
    for at = 1, #found, 2 do ids[#ids + 1] = found[at] end
    records = redis.call('HMGET', KEYS[7], unpack(ids))
  end
  local room = tonumber(ARGV[6])
  for at = 1, #found, 2 do
    if records then room = room - #(records[(at + 1) / 2] or '')
    else room = room - redis.call('HSTRLEN', KEYS[7], found[at]) end
    if room < 0 and at > 1 then
      for beyond = #found, at, -1 do found[beyond] = nil end
      is_cut = true
      break
    end
  end
  if is_cut then reached = tonumber(found[#found]) end
  waiting_out = redis.call('ZCOUNT', KEYS[4], '(' .. text(cursor), text(reached))
  local outbox_room = tonumber(ARGV[6])
  local last
  for at = 0, waiting_out - 1, ITEMS do
    local items = redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. text(cursor), text(reached), 'WITHSCORES', 'LIMIT', at, ITEMS)
    for item = 1, #items, 2 do
      outbox_room = outbox_room - #items[item]
      -- What has the same version goes together.
      if outbox_room < 0 and last and items[item + 1] ~= last then
        reached, is_cut = tonumber(last), 'by the outbox'
        break
      end
      last = items[item + 1]
    end
    if is_cut == 'by the outbox' then
      waiting_out = redis.call('ZCOUNT', KEYS[4], '(' .. text(cursor), text(reached))
      while #found > 0 and tonumber(found[#found]) > reached do
        found[#found], found[#found - 1] = nil, nil
      end
      break
    end
  end
  before = redis.call('ZCOUNT', KEYS[2], '-inf', text(cursor)) - redis.call('ZCOUNT', KEYS[5], '-inf', text(cursor))
end

-- A page that reaches the end brings the client everything there is. One that is cut does not: an object that moves on
-- while the client is paging is met once, at its later version, and must then bring all that the client may lack.
-- So how far pages were given out is kept, and only the acknowledgement of such an end moves the base.
if reached > cursor then
  local is_cut = reached < version
  if reached > given or (reached == given and is_cut ~= was_cut) then
    given, was_cut, moved = reached, is_cut, true
  end
end
if moved then
  redis.call('HSET', KEYS[3], ARGV[1], table.concat(
    {text(cursor), text(base), text(given * 2 + (was_cut and 1 or 0)), text(offset), since, ARGV[5], state, user}, ','))
end

local answer = {table.concat({'page', text(cursor), text(base), text(offset), since, state, text(version), head[2] or '0',
  head[3] or '0', head[7] or '0', head[8] or '0', head[5] or '', head[6] or '', redis.call('HLEN', KEYS[6]), text(reached), text(before),
  waiting_out, records and 1 or 0, held, head[4] or ''}, ' ')}
for at = 1, #found, 2 do
  answer[#answer + 1] = found[at]
  answer[#answer + 1] = found[at + 1]
  if records then answer[#answer + 1] = records[(at + 1) / 2] end
end
return answer
