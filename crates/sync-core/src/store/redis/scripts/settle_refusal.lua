-- Marks what a client is told of a refused change as settled, if it is still what it was.
--
-- KEYS: 1 the client's outbox
-- ARGV: 1 version, 2 the entry as it was, 3 the entry as it is to be
-- Answers {'ok'}, or {'changed'}: somebody else has settled it, or the client has been told.
if redis.call('ZREM', KEYS[1], ARGV[2]) == 0 then return {'changed'} end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[3])
return {'ok'}
