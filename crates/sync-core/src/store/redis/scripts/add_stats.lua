-- Adds to the old stats of a minute.
--
-- KEYS: 1 their names, then the entries of each
-- ARGV: 1 the minute, 2 the oldest that is kept, both in Unix seconds; then of each: name, count and microseconds to be
--   added, or a value and nothing
-- Answers {'ok'}.
local minute = ARGV[1]
for i = 2, #KEYS do
  local at = 3 * (i - 1)
  local name, count, micros = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local entry = count
  if micros ~= '' then
    local known = redis.call('ZRANGEBYSCORE', KEYS[i], minute, minute)[1]
    local had_count, had_micros = string.match(known or '0,0:', '^(%d+),(%d+):')
    entry = string.format('%.0f,%.0f', had_count + count, had_micros + micros)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[i], minute, minute)
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', '(' .. ARGV[2])
  redis.call('ZADD', KEYS[i], minute, entry .. ':' .. minute)
  redis.call('SADD', KEYS[1], name)
end
return {'ok'}
