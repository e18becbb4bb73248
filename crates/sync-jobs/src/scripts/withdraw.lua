-- Forgets a job that was taken in for the case that something else would not be done, and that nobody else counts on.
--
-- ARGV: 2 id
-- Answers {'ok'}, or {'kept'} if it was asked for since, or has begun.
local id = ARGV[2]
local job = key('job', id)
local of = redis.call('HMGET', job, 'state', 'queue', 'unique', 'again', 'attempts')
if of[1] ~= 'delayed' or of[4] or of[5] ~= '0' then return {'kept'} end
redis.call('ZREM', key('delayed', of[2]), id)
if of[3] then redis.call('HDEL', prefix .. 'unique', of[3]) end
redis.call('DEL', job)
return {'ok'}
