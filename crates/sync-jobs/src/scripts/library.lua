-- What the scripts of the job queue share. It stands before each of them.
--
-- KEYS[1] is what all keys of the queue begin with, `rhosync:1:{jobs}:`. The others are made from it here, since a
-- script learns only from one key which job is next; the hash tag keeps them in one slot.
--
-- ARGV[1] is empty, or the time in ms where a test has its own. The others are each script's.
local prefix = KEYS[1]
local function key(kind, name) return prefix .. kind .. ':' .. name end

-- Scores of the ready set are lane * LANE + tag: lanes go strictly one after the other, tags are below 2^48.
local LANE = 2 ^ 48
-- Most that is moved by one call: a script holds up all others.
local BATCH = 200
local KEPT_ERRORS = 5
-- How long a ring may go unheard, in ms.
local RING_AGAIN = 1000
-- How long counters can be read, in s.
local COUNTED = 7200

-- Now, in ms. It is the store's, so that hosts whose clocks do not agree do not take each other's jobs.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function number(text, default) return tonumber(text or default) end

-- Counts something that happened, by the minute.
local function count(queue, what)
  local minute = key('minute', string.format('%s:%.0f', queue, math.floor(now / 60000)))
  if redis.call('HINCRBY', minute, what, 1) == 1 then redis.call('EXPIRE', minute, COUNTED) end
end

-- An id can outlive its job: somebody has deleted the hash, or Redis has evicted it. Whoever meets one whose hash has no
-- name passes it over, takes it out of its set, and says so.
local lost = {}
local function lose(id, queue)
  redis.call('DEL', key('job', id))
  count(queue, 'lost')
  lost[#lost + 1] = id
end
local function is_lost(id, queue)
  if redis.call('HEXISTS', key('job', id), 'name') == 1 then return false end
  lose(id, queue)
  return true
end

-- Answers how many were lost, and which.
local function answer_lost(answer)
  answer[#answer + 1] = #lost
  for _, id in ipairs(lost) do answer[#answer + 1] = id end
end

-- Makes sure that a key expires then at the latest, where the store tells of that: somebody sweeps when it does.
local function alarm(due)
  local left = redis.call('PTTL', prefix .. 'alarm')
  local wanted = math.max(due - now, 1)
  if left < 0 or left > wanted then redis.call('SET', prefix .. 'alarm', '', 'PX', string.format('%.0f', wanted)) end
end

-- Rings for the component that works on a queue.
local function ring(queue) redis.call('PUBLISH', 'rhosync:jobs:' .. string.match(queue, '^[^.]*'), 'ring') end

-- Start-time fair queuing (Goyal, Vin, Cheng 1996): a job's tag is where the last one of its turn ended, but not before
-- the tag of the job that was claimed last. So users, say, take turns, however many jobs each has.
--
-- It rings if nothing was ready: else somebody was rung for already. A ring that was lost is made up for by the sweep
-- that the alarm leads to.
local function make_ready(id, queue, lane, turn)
  if redis.call('ZCARD', key('ready', queue)) == 0 then ring(queue) end
  alarm(now + RING_AGAIN)
  local floor, member = lane * LANE, lane .. ':' .. turn
  local last = redis.call('ZSCORE', key('fair', queue), member)
  local tag = number(redis.call('HGET', key('queue', queue), 'tag' .. lane), '0')
  if last then tag = math.max(tag, tonumber(last) - floor) end
  redis.call('ZADD', key('fair', queue), floor + tag + 1, member)
  redis.call('ZADD', key('ready', queue), floor + tag, id)
  redis.call('HSET', key('job', id), 'state', 'ready')
end

-- Lets a job that is in no set wait: for its turn, or for its time.
local function wait(id, queue, due)
  local job = key('job', id)
  if due > now then
    redis.call('ZADD', key('delayed', queue), due, id)
    redis.call('HSET', job, 'state', 'delayed')
    alarm(due)
  else
    local of = redis.call('HMGET', job, 'lane', 'turn')
    make_ready(id, queue, tonumber(of[1]), of[2])
  end
end

-- Starts a job over: as if nobody had tried it, but with the errors it had.
local function start_over(id, queue, due)
  redis.call('HSET', key('job', id), 'attempts', 0)
  redis.call('HDEL', key('job', id), 'crashes', 'progress', 'result', 'reason', 'ended')
  wait(id, queue, due)
end

-- Takes a job out of the dead ones.
local function unbury(id, queue)
  redis.call('ZREM', key('dead', queue), id)
  redis.call('ZREM', key('dead-of', queue .. ':' .. redis.call('HGET', key('job', id), 'name')), id)
end

-- Forgets a dead job that nobody has asked to be forgotten.
local function forget_dead(id, queue)
  if is_lost(id, queue) then
    redis.call('ZREM', key('dead', queue), id)
    return
  end
  unbury(id, queue)
  redis.call('DEL', key('job', id))
  redis.call('HINCRBY', key('queue', queue), 'forgotten', 1)
end

-- Puts a job among the dead ones, of which `most` of its name are kept: however many pings die, they push out no change of
-- a device.
local function bury(id, queue, most)
  local of_name = key('dead-of', queue .. ':' .. redis.call('HGET', key('job', id), 'name'))
  redis.call('ZADD', of_name, now, id)
  -- Two for one: where `most` was more, the set shrinks to its size.
  local over = math.min(redis.call('ZCARD', of_name) - most, 2)
  if over < 1 then return end
  for _, old in ipairs(redis.call('ZRANGE', of_name, 0, over - 1)) do
    redis.call('ZREM', of_name, old)
    forget_dead(old, queue)
  end
end

-- Ends a job that is in no set: `state` is `done`, or `dead` with the most dead jobs of its name that are kept. Where it
-- was asked for again while it ran, it starts over.
local function finish(id, queue, state, most_dead)
  local job = key('job', id)
  local of = redis.call('HMGET', job, 'unique', 'again')
  redis.call('HDEL', job, 'lease', 'worker', 'cancel', 'again')
  if of[2] then return start_over(id, queue, tonumber(of[2])) end
  if of[1] then redis.call('HDEL', prefix .. 'unique', of[1]) end
  redis.call('ZADD', key(state, queue), now, id)
  redis.call('HSET', job, 'state', state, 'ended', now)
  if state == 'dead' then bury(id, queue, most_dead) end
end

-- Keeps an error as a JSON object in one line; only the last few stay.
local function add_error(id, attempt, error)
  local lines = {}
  for line in string.gmatch(redis.call('HGET', key('job', id), 'errors') or '', '[^\n]+') do
    lines[#lines + 1] = line
  end
  lines[#lines + 1] = string.format('{"at":%.0f,"attempt":%s,"error":%s}', now, attempt, cjson.encode(error))
  local from = math.max(1, #lines - KEPT_ERRORS + 1)
  redis.call('HSET', key('job', id), 'errors', table.concat(lines, '\n', from))
end

-- Lets a job be tried again. What it was asked for again meanwhile is seen to by that, unless it was for later.
local function try_again(id, queue, due)
  local job = key('job', id)
  redis.call('HDEL', job, 'lease', 'worker')
  if number(redis.call('HGET', job, 'again'), '0') <= due then redis.call('HDEL', job, 'again') end
  wait(id, queue, due)
end

-- Takes a job out of the leased set if the lease is still its holder's. Answers its queue, or nothing.
local function take_back(id, lease)
  local of = redis.call('HMGET', key('job', id), 'lease', 'queue')
  if not of[1] or of[1] ~= lease then return nil end
  redis.call('ZREM', key('leased', of[2]), id)
  return of[2]
end

-- Forgets up to `most` jobs of the history that ended before `before`, and what is above `keep`.
local function forget(queue, before, keep, most)
  local done = key('done', queue)
  local old = redis.call('ZRANGEBYSCORE', done, '-inf', '(' .. before, 'LIMIT', 0, most)
  if #old == 0 then
    local over = math.min(redis.call('ZCARD', done) - keep, most)
    if over > 0 then old = redis.call('ZRANGE', done, 0, over - 1) end
  end
  for _, id in ipairs(old) do
    redis.call('ZREM', done, id)
    redis.call('DEL', key('job', id))
  end
end

