-- Leases the next jobs of a queue.
--
-- ARGV: 2 queue, 3 most jobs, 4 lease, a text nobody has used before, 5 lease in ms, 6 who claims,
--       7 most jobs of the queue that may run at once, or 0, 8 most jobs per period, or 0, 9 the period in ms,
--       10 '1' where whoever claims runs nothing else
-- Answers {'ok', how many ids had no job any more, these, then per job: id, name, payload, turn, attempt, most attempts, created,
-- '1' if it has to run alone}
--
-- A job whose worker has disappeared three times may be what kills workers. It is run alone, so that it takes nobody
-- with it any more; those behind it wait for that.
local SUSPECT = 3
local queue, wanted = ARGV[2], tonumber(ARGV[3])
local settings, ready, leased, fair = key('queue', queue), key('ready', queue), key('leased', queue), key('fair', queue)
local of_queue = redis.call('HMGET', settings, 'paused', 'allowed')
if of_queue[1] then return {'ok', 0} end
if ARGV[7] ~= '0' then
  wanted = math.min(wanted, tonumber(ARGV[7]) - redis.call('ZCOUNT', leased, string.format('(%.0f', now), '+inf'))
end
-- `allowed` is when the queue will have used up nothing of its rate (GCRA).
local interval, allowed = 0, 0
if ARGV[8] ~= '0' then
  interval = tonumber(ARGV[9]) / tonumber(ARGV[8])
  allowed = math.max(number(of_queue[2], '0'), now)
  wanted = math.min(wanted, math.floor((now + tonumber(ARGV[9]) - allowed) / interval + 1e-6))
end
if wanted < 1 then return {'ok', 0} end

local answer, claimed = {}, 0
while claimed < wanted and #lost < BATCH do
  local head = redis.call('ZRANGE', ready, 0, 0, 'WITHSCORES')
  if not head[1] then break end
  local id, score = head[1], tonumber(head[2])
  local job = key('job', id)
  local of = redis.call('HMGET', job, 'name', 'payload', 'turn', 'attempts', 'max', 'created', 'crashes', 'lane')
  local alone = number(of[7], '0') >= SUSPECT
  if alone and (claimed > 0 or ARGV[10] ~= '1') then break end
  redis.call('ZREM', ready, id)
  if not of[1] then
    lose(id, queue)
  else
    local lane = tonumber(of[8])
    redis.call('ZADD', leased, now + tonumber(ARGV[5]), id)
    redis.call('HSET', settings, 'tag' .. lane, string.format('%.0f', score - lane * LANE))
    redis.call('ZREMRANGEBYSCORE', fair, lane * LANE, score)
    redis.call('HSET', job, 'state', 'leased', 'lease', ARGV[4], 'worker', ARGV[6], 'started', now,
      'attempts', tonumber(of[4]) + 1)
    count(queue, 'claimed')
    for _, value in ipairs({id, of[1], of[2], of[3], tonumber(of[4]) + 1, of[5], of[6], alone and '1' or '0'}) do
      answer[#answer + 1] = value
    end
    claimed = claimed + 1
    alarm(now + tonumber(ARGV[5]))
    if alone then break end
  end
end
if redis.call('ZCARD', ready) == 0 then redis.call('DEL', fair) end
if interval > 0 and claimed > 0 then redis.call('HSET', settings, 'allowed', allowed + claimed * interval) end
local head = {'ok'}
answer_lost(head)
for _, value in ipairs(answer) do head[#head + 1] = value end
return head
