-- Keeps a source's metadata or schema, and makes it the partition's next change if it is another.
--
-- KEYS: 1 head, 2 refresh lease
-- ARGV: 1 token of the refresh lease, or '' where no refresh says it
--       2 'meta' or 'schema', 3 digest, or '' where there is nothing to say any more, 4 text
-- Answers {'fenced'} when the lease is somebody else's now, else {'ok'}.
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return {'fenced'} end
local text, mark = ARGV[2], ARGV[2] .. 'v'
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], text, mark)
  return {'ok'}
end
local known = redis.call('HGET', KEYS[1], mark)
if known and string.match(known, '^%d+,(.*)$') == ARGV[3] then return {'ok'} end
local version = string.format('%.0f', tonumber(redis.call('HGET', KEYS[1], 'v') or '1') + 1)
redis.call('HSET', KEYS[1], 'v', version, text, ARGV[4], mark, version .. ',' .. ARGV[3])
return {'ok'}
