-- Lets a job that waits for its time run now.
--
-- ARGV: 2 id
-- Answers {'ok'}, {'missing'}, or {'state'} if it does not wait for its time.
local id = ARGV[2]
local of = redis.call('HMGET', key('job', id), 'state', 'queue')
if not of[1] then return {'missing'} end
if of[1] ~= 'delayed' then return {'state'} end
redis.call('ZREM', key('delayed', of[2]), id)
wait(id, of[2], now)
return {'ok'}
