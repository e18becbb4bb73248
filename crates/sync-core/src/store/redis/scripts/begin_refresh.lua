-- Takes the lease for asking the back end, if it is time to.
--
-- KEYS: 1 head, 2 refresh lease
-- ARGV: 1 now in ms, 2 refreshes not older than this many ms are fresh, 3 lease token, 4 lease in ms
-- Answers one of
--   {'fresh'}                    the last refresh is young enough
--   {'busy', last refresh}       somebody else is at it
--   {'granted', version, ETag, digest, mark of the metadata, mark of the schema}
local at = tonumber(redis.call('HGET', KEYS[1], 'at') or '0')
if at > 0 and tonumber(ARGV[1]) - at < tonumber(ARGV[2]) then return {'fresh'} end
if not redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4]) then return {'busy', string.format('%.0f', at)} end
local head = redis.call('HMGET', KEYS[1], 'v', 'et', 'dg', 'metav', 'schemav')
return {'granted', head[1] or '0', head[2] or '', head[3] or '', head[4] or '', head[5] or ''}
