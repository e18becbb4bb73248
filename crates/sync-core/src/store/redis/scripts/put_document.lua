-- Keeps a document of the application's own: a text, or a hash of texts.
--
-- KEYS: 1 the document
-- ARGV: 1 'text' or 'hash', 2 1 to add to what is there, else 0, 3 most bytes of a text or fields of a hash, then the text,
--       or fields and values
-- Answers {'ok'}, {'full'}, or {'kind'} when something of the other kind is to be added to.
local hash, append, most = ARGV[1] == 'hash', ARGV[2] == '1', tonumber(ARGV[3])
local kind = redis.call('TYPE', KEYS[1]).ok
if append and kind ~= 'none' and (kind == 'hash') ~= hash then return {'kind'} end
if hash then
  local known = append and redis.call('HLEN', KEYS[1]) or 0
  if known + (#ARGV - 3) / 2 > most then return {'full'} end
  if not append then redis.call('DEL', KEYS[1]) end
  for at = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
elseif append then
  if redis.call('STRLEN', KEYS[1]) + #ARGV[4] > most then return {'full'} end
  redis.call('APPEND', KEYS[1], ARGV[4])
else
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], ARGV[4])
end
return {'ok'}
