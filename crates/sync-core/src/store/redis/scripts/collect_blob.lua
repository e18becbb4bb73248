-- Removes a blob nobody refers to any more.
--
-- KEYS: 1 the blob, 2 blobs by when to look at them, 3 places by when to remove them, 4 bytes charged by user
-- ARGV: 1 digest, 2 now in ms, 3 grace in ms, 4 when to look again, then the fields of holders that were found not to
--       refer to it
-- Answers {'kept'} or {'collected'}.
-- A holder is removed when it is found so a second time, a grace later: in between it would have said that it refers
-- to the blob again, which takes the mark away.
local now, grace = tonumber(ARGV[2]), tonumber(ARGV[3])
for at = 5, #ARGV do
  local marked = redis.call('HGET', KEYS[1], ARGV[at])
  if marked == '' then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[2])
  elseif marked and tonumber(marked) + grace <= now then
    redis.call('HDEL', KEYS[1], ARGV[at])
  end
end
local fields = redis.call('HGETALL', KEYS[1])
local owners, blob, is_held = {}, {}, false
for at = 1, #fields, 2 do
  local kind, user = string.match(fields[at], '^(%l%l):(.*)$')
  if kind == 'in' then is_held = true
  elseif kind == 'by' then owners[#owners + 1] = user
  else blob[fields[at]] = fields[at + 1] end
end
if is_held or (blob.at and tonumber(blob.at) + grace > now) then
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
  return {'kept'}
end
for _, user in ipairs(owners) do
  if redis.call('HINCRBY', KEYS[4], user, '-' .. blob.size) <= 0 then redis.call('HDEL', KEYS[4], user) end
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
if blob.place then redis.call('ZADD', KEYS[3], 0, blob.place) end
return {'collected'}
