-- Sets what administrators say of a source, all of it or nothing.
--
-- KEYS: 1 the registry
-- ARGV: 1 the field with the source's last edit, 2 what has to be in it ('0': nothing), or '' if that does not matter, 3 this edit, then
--   fields and their values ('': the field goes)
-- Answers one of {'ok'} and {'moved'}; only the first changes anything.
if ARGV[2] ~= '' and ARGV[2] ~= (redis.call('HGET', KEYS[1], ARGV[1]) or '0') then return {'moved'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
for at = 4, #ARGV, 2 do
  if ARGV[at + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[at])
  else redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
return {'ok'}
