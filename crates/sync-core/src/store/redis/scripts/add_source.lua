-- Adds a source that is not in the settings.
--
-- KEYS: 1 the registry
-- ARGV: 1 the source's field, 2 its partition rule, 3 what the fields of such sources begin with, 4 most such sources
-- Answers one of {'ok'}, {'known'} and {'full'}; only the first changes anything.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return {'known'} end
local count = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, #ARGV[3]) == ARGV[3] then count = count + 1 end
end
if count >= tonumber(ARGV[4]) then return {'full'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {'ok'}
