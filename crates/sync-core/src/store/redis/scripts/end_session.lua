-- Ends one session of a user, and forgets those that ended so long ago that they would be over by themselves.
--
-- KEYS: 1 the user
-- ARGV: 1 the session's field, 2 now in ms, 3 how long sessions last in ms
-- Answers {'unknown'} or {'ok'}.
if redis.call('HEXISTS', KEYS[1], 'gen') == 0 then return {'unknown'} end
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  if string.sub(fields[at], 1, 4) == 'out:' and tonumber(fields[at + 1]) + tonumber(ARGV[3]) < tonumber(ARGV[2]) then
    redis.call('HDEL', KEYS[1], fields[at])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {'ok'}
