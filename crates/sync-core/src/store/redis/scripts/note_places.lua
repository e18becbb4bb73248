-- Notes of devices that keep their cursors themselves what they have said to have, and what they were sent since. Never goes back, and
-- leaves alone those that have yet to be told to start over.
--
-- KEYS: 1 head, 2 clients
-- ARGV: of each device: client, user, the document's life as its cursor has it, version that it has met, version up to which it has
--       every attribute, `given`
-- Answers {'ok'}.
local life = redis.call('HGET', KEYS[1], 'life')
for at = 1, #ARGV, 6 do
  local entry = redis.call('HGET', KEYS[2], ARGV[at])
  if entry and life == ARGV[at + 2] then
    local cursor, base, given, rest, state, user = string.match(entry, '^(%d+),(%d+),(%d+),(%d+,%d+,%d+,([^,]*),(.*))$')
    if state == '' and user == ARGV[at + 1] then
      if tonumber(ARGV[at + 3]) > tonumber(cursor) then cursor, base = ARGV[at + 3], ARGV[at + 4] end
      if tonumber(ARGV[at + 5]) > tonumber(given) then given = ARGV[at + 5] end
      redis.call('HSET', KEYS[2], ARGV[at], table.concat({cursor, base, given, rest}, ','))
    end
  end
end
return {'ok'}
