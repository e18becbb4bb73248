-- Marks that a device which keeps its cursors itself has to start a source over: cursors that do not know of it are none.
--
-- KEYS: 1 the client
-- ARGV: 1 field of the client's last mark, 2 field of the source's, 3 now in ms
-- Answers {'unknown'}, or {'ok', the client's last mark before, or '0'}.
-- Each mark is later than the one before, also where two resets come together or the store's clock was set back.
local client = redis.call('HMGET', KEYS[1], 'user', ARGV[1])
if not client[1] then return {'unknown'} end
local before = client[2] or '0'
local mark = string.format('%.0f', math.max(tonumber(before) + 1, tonumber(ARGV[3])))
redis.call('HSET', KEYS[1], ARGV[1], mark, ARGV[2], mark)
return {'ok', before}
