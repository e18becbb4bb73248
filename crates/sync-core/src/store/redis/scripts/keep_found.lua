-- Keeps what a client's search found, in place of what an earlier one did.
--
-- KEYS: 1 what was found
-- ARGV: 1 number that no token of an earlier search should reach, 2 lifetime in s, then the objects found
-- Answers {'ok', base}: base plus a position in the result is a token.
local base = tonumber(ARGV[1])
local before = redis.call('LINDEX', KEYS[1], 0)
-- Two searches in a moment must not share a token.
if before then base = math.max(base, tonumber(before) + redis.call('LLEN', KEYS[1])) end
base = string.format('%.0f', base)
redis.call('DEL', KEYS[1])
if #ARGV > 2 then
  redis.call('RPUSH', KEYS[1], base, 0)
  for at = 3, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[at]) end
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return {'ok', base}
