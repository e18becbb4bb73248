-- Says whether a back end may be called.
--
-- KEYS: 1 circuits
-- ARGV: 1 source, 2 now in ms where a test has a time of its own, or '', 3 how long a trial may take in ms
-- Answers one of
--   {'closed', failures}         it may
--   {'trial'}                    the caller, and nobody else for so long, may find out whether it is there again
--   {'open', ms}                 it is left alone for so long yet
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return {'closed', '0'} end
local failures, rests = string.match(entry, '^(%d+) (%d+)$')
if rests == '0' then return {'closed', failures} end
if now < tonumber(rests) then return {'open', string.format('%.0f', rests - now)} end
redis.call('HSET', KEYS[1], ARGV[1], failures .. ' ' .. string.format('%.0f', now + tonumber(ARGV[3])))
return {'trial'}
