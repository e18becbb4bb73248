-- Changes what is kept of a user or an administrator, unless there is no such user, or one that is being deleted.
--
-- KEYS: 1 the user
-- ARGV: 1 1 if the password is another, with which every session ends, else 0, 2 the edit that this is, or '' where no administrator edits
--   anything, 3 the edit that it has to follow ('0': none), or '' if that does not matter, then fields and their values
-- Answers {'unknown'}, {'moved'} or {'ok'}; only the last changes anything.
if redis.call('HEXISTS', KEYS[1], 'gen') == 0 then return {'unknown'} end
if ARGV[3] ~= '' and ARGV[3] ~= (redis.call('HGET', KEYS[1], 'rev') or '0') then return {'moved'} end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'rev', ARGV[2]) end
if ARGV[1] == '1' then
  -- What the user signed in with by the old password is no good any more.
  redis.call('HDEL', KEYS[1], 'made', 'cred')
  -- Single sessions that were revoked are of the generation that ends here.
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, 4) == 'out:' then redis.call('HDEL', KEYS[1], field) end
  end
end
for at = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return {'ok'}
