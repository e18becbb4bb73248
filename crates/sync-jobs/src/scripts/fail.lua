-- Ends an attempt that came to nothing.
--
-- ARGV: 1 now in ms, 2 id, 3 its lease, 4 what has happened (JSON in one line), 5 when to try again in ms, or '' for
--       never, 6 '1' if the attempt counts, 7 why it is not tried again
-- Answers {'delayed'}, {'dead'}, {'cancelled'}, or {'lost'} if the lease is no longer its holder's: nothing has changed then.
local now, id = tonumber(ARGV[1]), ARGV[2]
local queue = take_back(id, ARGV[3])
if not queue then return {'lost'} end
local job = key('job', id)
local of = redis.call('HMGET', job, 'attempts', 'max', 'cancel')
add_error(id, ARGV[4])
if of[3] then
  redis.call('HSET', job, 'result', 'cancelled')
  finish(id, queue, 'done', now)
  return {'cancelled'}
end
local is_last = ARGV[6] == '1' and tonumber(of[1]) >= tonumber(of[2])
if ARGV[5] == '' or is_last then
  redis.call('HSET', job, 'reason', ARGV[7])
  finish(id, queue, 'dead', now)
  count(queue, 'died', now)
  return {'dead'}
end
if ARGV[6] ~= '1' then redis.call('HINCRBY', job, 'attempts', -1) end
try_again(id, queue, tonumber(ARGV[5]), now)
count(queue, 'failed', now)
return {'delayed'}
