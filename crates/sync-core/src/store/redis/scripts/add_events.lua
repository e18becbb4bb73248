-- Adds to the last events of a client.
--
-- KEYS: 1 the client's events
-- ARGV: 1 most events, 2 their lifetime in s, then the events (JSON), the oldest first
-- Answers {'ok'}.
for at = 3, #ARGV do redis.call('LPUSH', KEYS[1], ARGV[at]) end
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[1]) - 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {'ok'}
