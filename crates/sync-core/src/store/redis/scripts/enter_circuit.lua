-- Says whether a back end may be called.
--
-- KEYS: 1 circuits
-- ARGV: 1 source, 2 now in ms, 3 how long a trial may take in ms
-- Answers one of
--   {'closed', failures}         it may
--   {'trial'}                    the caller, and nobody else for so long, may find out whether it is there again
--   {'open', until}              it is left alone
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return {'closed', '0'} end
local failures, rests = string.match(entry, '^(%d+) (%d+)$')
if rests == '0' then return {'closed', failures} end
if tonumber(ARGV[2]) < tonumber(rests) then return {'open', rests} end
redis.call('HSET', KEYS[1], ARGV[1], failures .. ' ' .. string.format('%.0f', tonumber(ARGV[2]) + tonumber(ARGV[3])))
return {'trial'}
