-- Moves what is due: delayed jobs whose time has come, jobs whose lease has run out, the end of the history, and dead
-- jobs that nobody came for. Rings for what is ready, and sets the alarm for what comes next.
--
-- ARGV: 2 how long jobs stay in the history in ms, 3 most jobs of the history of a queue, 4 how long dead jobs
--       stay in ms, 5 most dead jobs of a name
-- Answers {'ok', 1 if there is more to move or else 0, how many ids had no job any more, these, then the queues in which
-- jobs are ready}
local left, ready = BATCH, {}
local function due(kind, queue)
  local ids = redis.call('ZRANGEBYSCORE', key(kind, queue), '-inf', now, 'LIMIT', 0, left)
  local known = {}
  left = left - #ids
  for _, id in ipairs(ids) do
    redis.call('ZREM', key(kind, queue), id)
    if not is_lost(id, queue) then known[#known + 1] = id end
  end
  return known
end
for _, queue in ipairs(redis.call('SMEMBERS', prefix .. 'queues')) do
  for _, id in ipairs(due('delayed', queue)) do wait(id, queue, now) end
  for _, id in ipairs(due('leased', queue)) do
    local job = key('job', id)
    local of = redis.call('HMGET', job, 'attempts', 'max', 'cancel')
    add_error(id, of[1], 'crashed: its worker has not been heard of')
    redis.call('HINCRBY', job, 'crashes', 1)
    count(queue, 'crashed')
    if of[3] then
      redis.call('HSET', job, 'result', 'cancelled')
      finish(id, queue, 'done')
    elseif tonumber(of[1]) >= tonumber(of[2]) then
      redis.call('HSET', job, 'reason', 'its worker crashed at the last attempt')
      finish(id, queue, 'dead', tonumber(ARGV[5]))
      count(queue, 'died')
    else
      try_again(id, queue, now)
    end
  end
  forget(queue, now - tonumber(ARGV[2]), tonumber(ARGV[3]), 50)
  local before = string.format('(%.0f', now - tonumber(ARGV[4]))
  local old = redis.call('ZRANGEBYSCORE', key('dead', queue), '-inf', before, 'LIMIT', 0, left)
  left = left - #old
  for _, id in ipairs(old) do forget_dead(id, queue) end
  if redis.call('ZCARD', key('ready', queue)) > 0 and redis.call('HEXISTS', key('queue', queue), 'paused') == 0 then
    ready[#ready + 1] = queue
    ring(queue)
    alarm(now + RING_AGAIN)
  end
  for _, kind in ipairs({'delayed', 'leased'}) do
    local next = redis.call('ZRANGE', key(kind, queue), 0, 0, 'WITHSCORES')
    if next[2] then alarm(tonumber(next[2])) end
  end
end
for _, due in ipairs(redis.call('HVALS', prefix .. 'ticks')) do
  -- One that has passed is of a schedule that is no more.
  if tonumber(due) > now then alarm(tonumber(due)) end
end
local answer = {'ok', left == 0 and 1 or 0}
answer_lost(answer)
for _, queue in ipairs(ready) do answer[#answer + 1] = queue end
return answer
