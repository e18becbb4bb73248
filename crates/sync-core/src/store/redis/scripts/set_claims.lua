-- Keeps what a token of the identity provider says of a user, unless that is known from a token that is good for longer: of two
-- tokens the later one counts, in whatever order they come.
--
-- KEYS: 1 the user
-- ARGV: 1 attributes (JSON), 2 until when the token is good, in ms
-- Answers {'unknown'}, {'older'} or {'ok'}.
if redis.call('HEXISTS', KEYS[1], 'gen') == 0 then return {'unknown'} end
local known = tonumber(redis.call('HGET', KEYS[1], 'claimed') or '0')
if known > tonumber(ARGV[2]) then return {'older'} end
redis.call('HSET', KEYS[1], 'claims', ARGV[1], 'claimed', ARGV[2])
return {'ok'}
