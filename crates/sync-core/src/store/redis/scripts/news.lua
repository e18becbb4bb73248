-- Says what has changed after a version, oldest first, for a device that keeps its cursor itself.
--
-- KEYS: 1 head, 2 log, 3 records
-- ARGV: 1 version, 2 most objects, 3 most bytes of records; one may be larger
-- Answers what the head has ('' where it has nothing), the version this reaches, 1 if a record follows each version or else 0,
-- then id, version, …
local answer = redis.call('HMGET', KEYS[1], 'v', 'n', 'sum', 'life', 'floor', 'at', 'due', 'took', 'err', 'metav', 'schemav')
for at = 1, 11 do answer[at] = answer[at] or '' end
local limit, room = tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local is_cut, records = #found == 2 * limit, nil
-- A few records cost less here than another command; many would be slow.
if #found > 0 and #found <= 2 * 32 then
  local ids = {}
  for at = 1, #found, 2 do ids[#ids + 1] = found[at] end
  records = redis.call('HMGET', KEYS[3], unpack(ids))
end
local last = #found
for at = 1, #found, 2 do
  if records then room = room - #(records[(at + 1) / 2] or '')
  else room = room - redis.call('HSTRLEN', KEYS[3], found[at]) end
  if room < 0 and at > 1 then
    last, is_cut = at - 1, true
    break
  end
end
answer[12] = is_cut and found[last] or (answer[1] == '' and '0' or answer[1])
answer[13] = records and 1 or 0
for at = 1, last, 2 do
  answer[#answer + 1] = found[at]
  answer[#answer + 1] = found[at + 1]
  if records then answer[#answer + 1] = records[(at + 1) / 2] or '' end
end
return answer
