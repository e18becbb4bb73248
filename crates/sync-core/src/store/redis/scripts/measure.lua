-- Tells the versions of as many records, from the first, as are not too large together.
--
-- KEYS: 1 log, 2 records
-- ARGV: 1 most bytes of the records; the first may be larger, 2… ids
-- Answers a version for each, or '' where there is no record
local room = tonumber(ARGV[1])
local versions = {}
for at = 2, #ARGV do
  room = room - redis.call('HSTRLEN', KEYS[2], ARGV[at])
  if room < 0 and at > 2 then break end
  versions[#versions + 1] = redis.call('ZSCORE', KEYS[1], ARGV[at]) or ''
end
return versions
