-- Adds the next piece to a content that comes in parts, unless somebody else has added one.
--
-- KEYS: 1 the content
-- ARGV: 1 pieces that were there, 2 pieces that will be, 3 piece, 4 the state of the digest with it
-- Answers {'ok'} or {'moved'}.
if (redis.call('HGET', KEYS[1], 'pieces') or '0') ~= ARGV[1] then return {'moved'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], 'pieces', ARGV[2], 'state', ARGV[4])
return {'ok'}
