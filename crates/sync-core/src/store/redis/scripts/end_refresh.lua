-- Ends a refresh and gives its lease back.
--
-- KEYS: 1 head, 2 refresh lease, 3 progress, 4 ids seen, 5 clients, 6 what clients hold alone
-- ARGV: 1 lease token, 2 now in ms, 3 source error (JSON) or '', or 'unfinished' where it goes on later
--       4 1 if the answer is known to be what the document holds now, 0 if not, '' where there is none,
--       5 version at the refresh's begin
--       6 ETag, 7 digest of the answer, 8 when it began in ms, 9 mark up to which the document has been
--       brought, or '' where the last one stays
-- Answers {'fenced'} when the lease is somebody else's now, else {'ok'}. A refresh that lost its lease, but to nobody who has
-- asked since or asks now, still says when it was and what was wrong: or else everybody would ask at once again.
-- Tag and digest are kept only if nothing else was written meanwhile: they vouch for the whole document.
local holder = redis.call('GET', KEYS[2])
if holder ~= ARGV[1] then
  local at = tonumber(redis.call('HGET', KEYS[1], 'at') or '0')
  -- A document without clients may be one that was removed.
  local is_last = not holder and at <= tonumber(ARGV[8]) and redis.call('EXISTS', KEYS[5]) == 1
  if is_last and ARGV[3] ~= 'unfinished' then
    redis.call('HSET', KEYS[1], 'at', ARGV[2])
    if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'err', ARGV[3]) end
  end
  return {'fenced'}
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'took', string.format('%.0f', tonumber(ARGV[2]) - tonumber(ARGV[8])))
if ARGV[3] == 'unfinished' then return {'ok'} end
redis.call('HSET', KEYS[1], 'at', ARGV[2])
-- A time set while it ran asks for another one.
local due = redis.call('HGET', KEYS[1], 'due')
if due and tonumber(due) <= tonumber(ARGV[8]) then redis.call('HDEL', KEYS[1], 'due') end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'err', ARGV[3]) else redis.call('HDEL', KEYS[1], 'err') end
if ARGV[4] == '' then return {'ok'} end
redis.call('UNLINK', KEYS[3], KEYS[4])
-- What was passed over may have changed before the mark.
if ARGV[4] == '1' and ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'mark', ARGV[9]) end
-- Who holds anything alone compares it with the document before the next page.
if ARGV[3] == '' then redis.call('UNLINK', KEYS[6]) end
local written = tonumber(redis.call('HGET', KEYS[1], 'w') or '0')
if ARGV[4] == '1' and written <= tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[1], 'et', ARGV[6], 'dg', ARGV[7])
else
  redis.call('HDEL', KEYS[1], 'et', 'dg')
end
return {'ok'}
