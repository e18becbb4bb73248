-- Adds an entry to a log of what was done, and removes those that are too many or too old by the store's own time.
--
-- KEYS: 1 the log
-- ARGV: 1 entry (JSON), 2 most entries, 3 how long they are kept in ms
local id = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 'e', ARGV[1])
local now = tonumber(string.match(id, '^%d+'))
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', now - tonumber(ARGV[3])))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'ok'}
