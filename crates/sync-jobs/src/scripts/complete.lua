-- Ends a job that was done.
--
-- ARGV: 2 id, 3 its lease, 4 result, 5 how long it stays in the history in ms, 6 most jobs of the history
-- Answers {'ok'} or {'lost'} if the lease is no longer its holder's: nothing has changed then.
local id = ARGV[2]
local queue = take_back(id, ARGV[3])
if not queue then return {'lost'} end
redis.call('HSET', key('job', id), 'result', ARGV[4])
finish(id, queue, 'done')
count(queue, 'completed')
-- Two for one: the history shrinks to its size.
forget(queue, now - tonumber(ARGV[5]), tonumber(ARGV[6]), 2)
return {'ok'}
