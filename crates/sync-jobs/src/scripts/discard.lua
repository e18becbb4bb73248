-- Forgets a dead job.
--
-- ARGV: 2 id
-- Answers {'ok'}, {'missing'}, or {'alive'} if it is not dead.
local id = ARGV[2]
local of = redis.call('HMGET', key('job', id), 'state', 'queue')
if not of[1] then return {'missing'} end
if of[1] ~= 'dead' then return {'alive'} end
unbury(id, of[2])
redis.call('DEL', key('job', id))
return {'ok'}
