-- Says whether a back end may be called.
--
-- KEYS: 1 circuits
-- ARGV: 2 source, 3 how long a trial may take in ms
-- Answers one of
--   {'closed', failures}         it may
--   {'trial'}                    the caller, and nobody else for so long, may find out whether it is there again
--   {'open', ms}                 it is left alone for so long yet
local entry = redis.call('HGET', KEYS[1], ARGV[2])
if not entry then return {'closed', '0'} end
local failures, rests = string.match(entry, '^(%d+) (%d+)$')
if rests == '0' then return {'closed', failures} end
if now < tonumber(rests) then return {'open', string.format('%.0f', rests - now)} end
redis.call('HSET', KEYS[1], ARGV[2], failures .. ' ' .. string.format('%.0f', now + tonumber(ARGV[3])))
return {'trial'}
