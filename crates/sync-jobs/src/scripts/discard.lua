-- Forgets a dead job.
--
-- ARGV: 1 id
-- Answers {'ok'}, {'missing'}, or {'alive'} if it is not dead.
local of = redis.call('HMGET', key('job', ARGV[1]), 'state', 'queue')
if not of[1] then return {'missing'} end
if of[1] ~= 'dead' then return {'alive'} end
redis.call('ZREM', key('dead', of[2]), ARGV[1])
redis.call('DEL', key('job', ARGV[1]))
return {'ok'}
