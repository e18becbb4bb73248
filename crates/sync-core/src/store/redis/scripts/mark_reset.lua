-- Marks that a device which keeps its cursors itself has to start a source over: cursors made before the mark are none.
--
-- KEYS: 1 the client
-- ARGV: 1 field of the source's mark, 2 now in ms
-- Answers {'unknown'}, or {'ok', the client's newest mark before, or '0'}.
-- Marks only grow, also where clocks differ or the store was set back.
local client = redis.call('HMGET', KEYS[1], 'user', 'reset')
if not client[1] then return {'unknown'} end
local before = client[2] or '0'
local mark = string.format('%.0f', math.max(tonumber(before) + 1, tonumber(ARGV[2])))
redis.call('HSET', KEYS[1], 'reset', mark, ARGV[1], mark)
return {'ok', before}
