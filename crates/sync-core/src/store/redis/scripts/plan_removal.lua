-- Has the collector remove what will be at a place, unless it has become this blob's by then, or is already.
--
-- KEYS: 1 places by when to remove them, 2 the blob
-- ARGV: 1 the place, 2 when, in ms
-- Answers {'planned'} or {'settled'}.
if redis.call('HGET', KEYS[2], 'place') == ARGV[1] then return {'settled'} end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return {'planned'}
