-- Ends an attempt that came to nothing.
--
-- ARGV: 2 id, 3 its lease, 4 which attempt it was, 5 what has happened, 6 in how many ms to try again, or '' for never,
--       7 '1' if the attempt counts, 8 most dead jobs of a name
-- Answers {'delayed'}, {'dead'}, {'cancelled'}, or {'lost'} if the lease is no longer its holder's: nothing has changed then.
local id = ARGV[2]
local queue = take_back(id, ARGV[3])
if not queue then return {'lost'} end
local job = key('job', id)
local of = redis.call('HMGET', job, 'attempts', 'max', 'cancel')
add_error(id, ARGV[4], ARGV[5])
if of[3] then
  redis.call('HSET', job, 'result', 'cancelled')
  finish(id, queue, 'done')
  return {'cancelled'}
end
local is_last = ARGV[7] == '1' and tonumber(of[1]) >= tonumber(of[2])
if ARGV[6] == '' or is_last then
  redis.call('HSET', job, 'reason', ARGV[5])
  finish(id, queue, 'dead', tonumber(ARGV[8]))
  count(queue, 'died')
  return {'dead'}
end
if ARGV[7] ~= '1' then redis.call('HINCRBY', job, 'attempts', -1) end
try_again(id, queue, now + tonumber(ARGV[6]))
count(queue, 'failed')
return {'delayed'}
