-- Counts what became of pushes: for their service, and for the ping that they belong to if it is kept.
--
-- KEYS: 1 what the services did in this hour, 2 what each said last, 3 the ping
-- ARGV: 1 service or nothing, 2 `delivered`, `failed` or `unreachable`, 3 how many, 4 what went wrong or nothing,
--       5 how long the hour is kept in seconds
if ARGV[1] ~= '' then
  redis.call('HINCRBY', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], ARGV[3])
  redis.call('EXPIRE', KEYS[1], ARGV[5])
  if ARGV[4] == '' then
    redis.call('HDEL', KEYS[2], ARGV[1])
  else
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
  end
end
if redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('HINCRBY', KEYS[3], ARGV[2], ARGV[3])
  if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], 'error', ARGV[4]) end
end
return {'ok'}
