-- Keeps a ping that was sent, and takes the oldest off the list where there are too many.
--
-- KEYS: 1 the list of pings, 2 the ping
-- ARGV: 1 its id, 2 now in ms, 3 how long it is kept in ms, 4 most pings, then fields and their values
-- Answers the ids of those that were taken off.
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', tonumber(ARGV[2]) - tonumber(ARGV[3])))
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1 - tonumber(ARGV[4]))) do old[#old + 1] = id end
for _, id in ipairs(old) do redis.call('ZREM', KEYS[1], id) end
return old
