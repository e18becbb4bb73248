-- Notes how a copy of a source is.
--
-- KEYS: 1 the source's copies, 2 how the source is doing
-- ARGV: 1 partition, 2 number of objects, or '' where there is no such copy any more, 3 when the back end was asked, in ms, or '',
--       4 how long that took in ms, 5 what is wrong, or ''
-- Answers {'ok'}.
local known = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
local objects = tonumber(ARGV[2])
if objects then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) else redis.call('HDEL', KEYS[1], ARGV[1]) end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
  return {'ok'}
end
local more = (objects or 0) - known
if more ~= 0 then redis.call('HINCRBY', KEYS[2], 'objects', string.format('%.0f', more)) end
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], 'at', ARGV[3], 'took', ARGV[4])
  if ARGV[5] == '' then
    redis.call('HDEL', KEYS[2], 'since', 'error')
  else
    redis.call('HSETNX', KEYS[2], 'since', ARGV[3])
    redis.call('HSET', KEYS[2], 'error', ARGV[5])
  end
end
return {'ok'}
