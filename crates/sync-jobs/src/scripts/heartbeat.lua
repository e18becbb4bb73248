-- Extends leases.
--
-- ARGV: 2 lease in ms, then per job: id, its lease, its progress or ''
-- Answers {'ok', then per job: 'ok', 'cancelled' if somebody wants it to end, 'lost' if the lease is no longer its holder's}
local answer = {'ok'}
for at = 3, #ARGV, 3 do
  local id, job = ARGV[at], key('job', ARGV[at])
  local of = redis.call('HMGET', job, 'lease', 'queue', 'cancel')
  local known = of[1] and of[1] == ARGV[at + 1]
  if known then
    redis.call('ZADD', key('leased', of[2]), now + tonumber(ARGV[2]), id)
    if ARGV[at + 2] ~= '' then redis.call('HSET', job, 'progress', ARGV[at + 2]) end
  end
  answer[#answer + 1] = not known and 'lost' or of[3] and 'cancelled' or 'ok'
end
return answer
