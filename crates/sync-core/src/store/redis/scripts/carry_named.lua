-- Lets changes be known in a document that a client has sent in another one.
--
-- KEYS: 1 the client's changes that have names, 2 those by time
-- ARGV: 1 lifetime in s, 2 now in ms, then per change: name, what is kept of it
-- What is known here already stays.
local number = 0
for at = 3, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1]) == 1 then
    redis.call('ZADD', KEYS[2], ARGV[2], ARGV[at])
    number = number + 1
  end
end
if number > 0 then
  for key = 1, 2 do redis.call('EXPIRE', KEYS[key], ARGV[1]) end
end
return {number}
