-- Commits changes of objects, what a client is told of them, and the end of the operation that made them, or nothing.
--
-- KEYS: 1 head, 2 log, 3 records, 4 tombstones, 5 refresh lease, 6 clients, 7 a client's outbox, 8 its operations,
--       9 its operations' lease, 10 its creates, 11 index of blobs, 12 its changes that have names
-- ARGV: 1 'refresh' or 'write'
--       2 token of the refresh lease ('' for a write)
--       3 client, 4 user ('' where nobody is told)
--       5 number of the operation that ends here, or ''
--       6 token of the operations' lease, 7 the lease's extension in ms
--       8 temporary id of a create, or '', 9 its new id, or '' where it got none, 10 lifetime of remembered creates in s
--       11 count of outbox items, 12 count of objects, 13 offset at which the operation was taken in,
--       14 name that the device has for the operation, or '', 15 its verdict (JSON), then
--       the outbox items (JSON), then per object: id, expected version (0: not in the log), record, 1 if alive or else 0, what it
--       adds to the sum (16 hexadecimal digits), then
--       per object that refers to blobs, or did: its place among the objects (from 0), digests
-- Answers one of
--   {'fenced'}                   the lease is somebody else's now: the refresh's, or that on the operation
--   {'gone'}                     the operation has had its verdict
--   {'orphaned'}                 the device has started over since, or is somebody else's: the change is nobody's own, or
--                                nobody was told what was only to be told
--   {'conflict'}                 an object of a write has moved: nothing was committed
--   {'ok', version, passed over, operations that still wait}
--                                objects of a refresh that moved since it read them are passed over
local refresh = ARGV[1] == 'refresh'
if refresh and redis.call('GET', KEYS[5]) ~= ARGV[2] then return {'fenced'} end
if ARGV[5] ~= '' then
  if redis.call('HEXISTS', KEYS[8], ARGV[5]) == 0 then return {'gone'} end
  local holder = redis.call('GET', KEYS[9])
  if holder and holder ~= ARGV[6] then return {'fenced'} end
end

-- Whether the device is there to be told, and whether it is the one that sent the operation.
local listens = false
if ARGV[4] ~= '' then
  local entry = redis.call('HGET', KEYS[6], ARGV[3])
  if entry then
    local offset, state, user = string.match(entry, '^%d+,%d+,%d+,(%d+),%d+,%d+,([^,]*),(.*)$')
    local before_leaving = string.match(state, '^leave:(%d+)$')
    listens = user == ARGV[4] and (ARGV[13] == '' or ARGV[13] == offset or ARGV[13] == before_leaving)
  end
end
local outbox_items, objects = tonumber(ARGV[11]), tonumber(ARGV[12])
if ARGV[4] ~= '' and not listens and (ARGV[5] ~= '' or objects == 0) then return {'orphaned'} end
local first = 16 + outbox_items

local passed = {}
local passed_over = 0
for object = 0, objects - 1 do
  local at = first + object * 5
  local current = redis.call('ZSCORE', KEYS[2], ARGV[at]) or '0'
  if tonumber(current) ~= tonumber(ARGV[at + 1]) then
    if not refresh then return {'conflict'} end
    passed[object], passed_over = true, passed_over + 1
  end
end

local function text(number) return string.format('%.0f', number) end
local version = tonumber(redis.call('HGET', KEYS[1], 'v') or '1')

local told = 0
-- Links come before the objects they name: a device knows the new id before it hears of the object.
if outbox_items > 0 then
  if listens then
    for item = 16, 15 + outbox_items do
      version = version + 1
      redis.call('ZADD', KEYS[7], text(version), text(version) .. ' ' .. ARGV[item])
      told = version
    end
  end
end

-- Two numbers of 64 bits added, each in 16 hexadecimal digits: Lua's own have 53.
local function add(sum, more)
  local low = tonumber(string.sub(sum, 9), 16) + tonumber(string.sub(more, 9), 16)
  local high = tonumber(string.sub(sum, 1, 8), 16) + tonumber(string.sub(more, 1, 8), 16) + math.floor(low / 2^32)
  return string.format('%08x%08x', high % 2^32, low % 2^32)
end

local born, sum = 0, '0000000000000000'
for object = 0, objects - 1 do
  if not passed[object] then
    local at = first + object * 5
    local id, known, alive = ARGV[at], tonumber(ARGV[at + 1]) > 0, ARGV[at + 3] == '1'
    version, sum = version + 1, add(sum, ARGV[at + 4])
    redis.call('ZADD', KEYS[2], text(version), id)
    redis.call('HSET', KEYS[3], id, ARGV[at + 2])
    if alive then
      if redis.call('ZREM', KEYS[4], id) == 1 or not known then born = born + 1 end
    elseif redis.call('ZADD', KEYS[4], text(version), id) == 1 and known then
      born = born - 1
    end
  end
end

for at = first + objects * 5, #ARGV, 2 do
  local object = tonumber(ARGV[at])
  if not passed[object] then
    local field = 'o' .. ARGV[first + object * 5]
    for digest in string.gmatch(redis.call('HGET', KEYS[11], field) or '', '%x+') do
      if redis.call('HINCRBY', KEYS[11], 'd' .. digest, -1) <= 0 then redis.call('HDEL', KEYS[11], 'd' .. digest) end
    end
    for digest in string.gmatch(ARGV[at + 1], '%x+') do redis.call('HINCRBY', KEYS[11], 'd' .. digest, 1) end
    if ARGV[at + 1] == '' then redis.call('HDEL', KEYS[11], field) else redis.call('HSET', KEYS[11], field, ARGV[at + 1]) end
  end
end

if version > 1 then redis.call('HSET', KEYS[1], 'v', text(version)) end
if sum ~= '0000000000000000' then
  local known = redis.call('HMGET', KEYS[1], 'sum', 'n')
  -- Of a document that was there before there were sums, nobody knows it.
  local before = known[1] or (tonumber(known[2] or '0') == 0 and '0000000000000000')
  if before then redis.call('HSET', KEYS[1], 'sum', add(before, sum)) end
end
if born ~= 0 then redis.call('HINCRBY', KEYS[1], 'n', born) end
if objects > 0 then
  -- The document is no longer what the back end's last answer was. A refresh says at its end what it is then; one that
  -- breaks off leaves it to the next to compare in full.
  redis.call('HDEL', KEYS[1], 'et', 'dg')
  if not refresh then redis.call('HSET', KEYS[1], 'w', text(version)) end
end

if ARGV[8] ~= '' then
  local digest = string.match(redis.call('HGET', KEYS[10], ARGV[8]) or '', '^#%x+') or ''
  if ARGV[9] ~= '' then
    redis.call('HSET', KEYS[10], ARGV[8], digest .. '=' .. ARGV[9])
    redis.call('EXPIRE', KEYS[10], ARGV[10])
  elseif told > 0 then
    redis.call('HSET', KEYS[10], ARGV[8], digest .. '!' .. text(told))
  else
    redis.call('HDEL', KEYS[10], ARGV[8])
  end
end
if ARGV[14] ~= '' then
  local digest = string.match(redis.call('HGET', KEYS[12], ARGV[14]) or '', '^%x+') or ''
  redis.call('HSET', KEYS[12], ARGV[14], digest .. ' ' .. ARGV[15])
  redis.call('EXPIRE', KEYS[12], ARGV[10])
end
local waiting = 0
if ARGV[5] ~= '' then
  redis.call('HDEL', KEYS[8], ARGV[5])
  waiting = redis.call('HLEN', KEYS[8])
  if redis.call('GET', KEYS[9]) == ARGV[6] then
    if waiting == 0 then redis.call('DEL', KEYS[9]) else redis.call('PEXPIRE', KEYS[9], ARGV[7]) end
  end
end
return {'ok', text(version), passed_over, waiting}
