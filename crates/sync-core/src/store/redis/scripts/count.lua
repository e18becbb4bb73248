-- Adds to counters.
--
-- KEYS: 1 the metrics
-- ARGV: field and amount of each
-- Answers {'ok'}.
for i = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
return {'ok'}
