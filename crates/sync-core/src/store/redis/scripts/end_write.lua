-- Keeps what became of a write, or forgets it, unless another request has begun it anew.
--
-- KEYS: 1 what is kept of the write
-- ARGV: 1 what this request wrote when it began, 2 what to keep, or '' to forget, 3 for how many seconds
-- Answers {'ok'} or {'fenced'}. Where nothing is there, the time to work on it has run out and nobody has begun anew.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return {'fenced'} end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return {'ok'}
