-- Takes a job in, unless one with the same unique key waits.
--
-- ARGV: 2 name, 3 queue, 4 payload, 5 turn, 6 lane, 7 most attempts, 8 in how many ms to run it, 9 unique key or
--       '', 10 what is done where one with the same key is known: 'again' if one that runs is to run once more; 'once' if
--       one that waits or runs will do as it is; 'insure' if it has to run at its time or later, even if one with the same
--       key runs before; then for the tick of a schedule: 11 its field, 12 the tick as it was read or '', 13 the next one. A schedule's
--       first tick has no job: it begins then
-- Answers one of
--   {'new', id}      it waits
--   {'waiting', id}  one with the same key waits; it runs at the earlier of both times if it was not tried yet. With 'once'
--                    it may run too, and nothing changes
--   {'again', id}    one with the same key runs; it will run once more when it has ended, not before the time given
--   {'ticked'}       somebody else has seen to this tick, or it is the first
local queue, due, unique = ARGV[3], now + tonumber(ARGV[8]), ARGV[9]
if ARGV[11] then
  if (redis.call('HGET', prefix .. 'ticks', ARGV[11]) or '') ~= ARGV[12] then return {'ticked'} end
  redis.call('HSET', prefix .. 'ticks', ARGV[11], ARGV[13])
  alarm(tonumber(ARGV[13]))
  if ARGV[12] == '' then return {'ticked'} end
end
local function tell_schedule(id)
  if ARGV[11] then redis.call('HSET', prefix .. 'ticked', ARGV[11], id) end
end
if unique ~= '' then
  local id = redis.call('HGET', prefix .. 'unique', unique)
  if id and not is_lost(id, queue) then
    tell_schedule(id)
    if ARGV[10] == 'once' then return {'waiting', id} end
    local job = key('job', id)
    local of = redis.call('HMGET', job, 'state', 'attempts', 'queue', 'again')
    if of[1] == 'leased' then
      redis.call('HSET', job, 'again', math.min(due, number(of[4], due)))
      return {'again', id}
    end
    if ARGV[10] == 'insure' then
      redis.call('HSET', job, 'again', due)
    elseif of[1] == 'delayed' and of[2] == '0' and due < (tonumber(redis.call('ZSCORE', key('delayed', of[3]), id)) or math.huge) then
      redis.call('ZREM', key('delayed', of[3]), id)
      wait(id, of[3], due)
    end
    return {'waiting', id}
  end
end
local id = string.format('%016.0f', redis.call('INCR', prefix .. 'last'))
redis.call('HSET', key('job', id), 'name', ARGV[2], 'queue', queue, 'payload', ARGV[4], 'turn', ARGV[5], 'lane', ARGV[6],
  'max', ARGV[7], 'attempts', 0, 'created', now)
if unique ~= '' then
  redis.call('HSET', key('job', id), 'unique', unique)
  redis.call('HSET', prefix .. 'unique', unique, id)
end
redis.call('SADD', prefix .. 'queues', queue)
wait(id, queue, due)
count(queue, 'enqueued')
tell_schedule(id)
return {'new', id}
