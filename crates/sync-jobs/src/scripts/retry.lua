-- Lets dead jobs be tried again from the start.
--
-- ARGV: either 2 id, 3 '1' and 4 a new payload, or '0', or 2 '', 3 queue, 4 most jobs
-- Answers {'ok', how many}, or for one job {'missing'}, {'alive'} if it is not dead, {'taken', id} if another job has its
-- unique key. For a queue those are passed over.
local function retry(id, queue)
  local job = key('job', id)
  local unique = redis.call('HGET', job, 'unique')
  if unique then
    local other = redis.call('HGET', prefix .. 'unique', unique)
    if other then return other end
    redis.call('HSET', prefix .. 'unique', unique, id)
  end
  unbury(id, queue)
  start_over(id, queue, now)
  return nil
end

if ARGV[2] == '' then
  local retried = 0
  for _, id in ipairs(redis.call('ZRANGE', key('dead', ARGV[3]), 0, tonumber(ARGV[4]) - 1)) do
    if is_lost(id, ARGV[3]) then
      redis.call('ZREM', key('dead', ARGV[3]), id)
    elseif not retry(id, ARGV[3]) then
      retried = retried + 1
    end
  end
  return {'ok', retried}
end
local of = redis.call('HMGET', key('job', ARGV[2]), 'state', 'queue')
if not of[1] then return {'missing'} end
if of[1] ~= 'dead' then return {'alive'} end
local other = retry(ARGV[2], of[2])
if other then return {'taken', other} end
if ARGV[3] == '1' then redis.call('HSET', key('job', ARGV[2]), 'payload', ARGV[4]) end
return {'ok', 1}
