-- Counts what of a user's files is on its way, so that nobody fills the store with files that never become blobs.
--
-- KEYS: 1 the user's uploads, 2 places by when to remove them
-- ARGV: 1 upload, 2 bytes of it so far, or all where it comes in parts, 3 now in ms, 4 when it may be gone, in ms, 5 most bytes,
--       6 most uploads, 7 digest that it is to have where it comes in parts, or ''
-- Answers {'ok', upload} or {'full'}. Of one that comes in parts it is the upload that has begun, if there is one, whose removal is put
-- off. Uploads that nobody ended count until they may be gone.
local now, digest = tonumber(ARGV[3]), ARGV[7]
local bytes, uploads, upload, last = tonumber(ARGV[2]), 1, ARGV[1], tonumber(ARGV[4])
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  local expires, size, of = string.match(fields[at + 1], '^(%d+) (%d+) ?(%x*)$')
  -- One whose time is over the collector may be at.
  local removed_at = digest ~= '' and of == digest and size == ARGV[2] and redis.call('ZSCORE', KEYS[2], 'redis:' .. fields[at])
  if tonumber(expires) <= now then
    redis.call('HDEL', KEYS[1], fields[at])
  elseif removed_at and tonumber(removed_at) > now then
    upload = fields[at]
  elseif fields[at] ~= ARGV[1] then
    bytes, uploads, last = bytes + tonumber(size), uploads + 1, math.max(last, tonumber(expires))
  end
end
if bytes > tonumber(ARGV[5]) or uploads > tonumber(ARGV[6]) then return {'full'} end
local reserved = ARGV[4] .. ' ' .. ARGV[2]
if digest ~= '' then
  reserved = reserved .. ' ' .. digest
  redis.call('ZADD', KEYS[2], ARGV[4], 'redis:' .. upload)
end
redis.call('HSET', KEYS[1], upload, reserved)
redis.call('PEXPIRE', KEYS[1], last - now)
return {'ok', upload}
