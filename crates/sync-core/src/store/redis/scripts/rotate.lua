-- Uses a device's refresh token, once.
--
-- KEYS: 1 the device's session
-- ARGV: 1 number of the token, 2 digest of what names the attempt, or '', 3 lifetime of the session in s
-- Answers one of
--   {'unknown'}                  there is no such session, or none any more
--   {'repeated', user}           the token was used before: the session is gone
--   {'ok', number of the next token, user, client, generation, type of the device}
-- The attempt that used a token last gets the same one again as long as that was not used: the answer may have been lost. A
-- thief who has the token does not know what names the attempt, whichever of the two comes first.
local session = redis.call('HMGET', KEYS[1], 'n', 'try', 'user', 'client', 'gen', 'type')
if not session[1] then return {'unknown'} end
local newest, number = tonumber(session[1]), tonumber(ARGV[1])
local is_again = number == newest - 1 and ARGV[2] ~= '' and ARGV[2] == session[2]
if number < newest and not is_again then
  redis.call('DEL', KEYS[1])
  return {'repeated', session[3]}
end
-- A store that went back in time knows less than the token.
if not is_again then
  newest = number + 1
  redis.call('HSET', KEYS[1], 'n', string.format('%.0f', newest), 'try', ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {'ok', string.format('%.0f', newest), session[3], session[4], session[5], session[6] or ''}
