-- Ends a job before it is done.
--
-- ARGV: 2 id
-- Answers {'cancelled'} if it waited, {'asked'} if it runs and its worker will be told, {'missing'}, or {'over'} if it has ended.
local id = ARGV[2]
local job = key('job', id)
local of = redis.call('HMGET', job, 'state', 'queue')
if not of[1] then return {'missing'} end
if of[1] == 'done' or of[1] == 'dead' then return {'over'} end
redis.call('HDEL', job, 'again')
if of[1] == 'leased' then
  redis.call('HSET', job, 'cancel', 1)
  return {'asked'}
end
redis.call('ZREM', key(of[1], of[2]), id)
redis.call('HSET', job, 'result', 'cancelled')
finish(id, of[2], 'done')
return {'cancelled'}
