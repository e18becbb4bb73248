-- Counts what of a user's files is on its way, so that nobody fills the store with files that never become blobs.
--
-- KEYS: 1 the user's uploads
-- ARGV: 1 upload, 2 bytes of it so far, 3 now in ms, 4 when it may be gone, in ms, 5 most bytes, 6 most uploads
-- Answers {'ok'} or {'full'}. Uploads that nobody ended count until they may be gone.
local bytes, uploads = tonumber(ARGV[2]), 1
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  if fields[at] ~= ARGV[1] then
    local expires, size = string.match(fields[at + 1], '^(%d+) (%d+)$')
    if tonumber(expires) <= tonumber(ARGV[3]) then
      redis.call('HDEL', KEYS[1], fields[at])
    else
      bytes, uploads = bytes + tonumber(size), uploads + 1
    end
  end
end
if bytes > tonumber(ARGV[5]) or uploads > tonumber(ARGV[6]) then return {'full'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4] .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[4]) - tonumber(ARGV[3]))
return {'ok'}
