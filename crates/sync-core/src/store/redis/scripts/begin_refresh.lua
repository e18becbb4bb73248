-- Takes the lease for asking the back end, if it is time to.
--
-- KEYS: 1 head, 2 refresh lease, 3 progress
-- ARGV: 1 now in ms, 2 refreshes not older than this many ms are fresh, 3 lease token, 4 lease in ms
-- Answers one of
--   {'fresh'}                    the last refresh is young enough
--   {'busy', last refresh}       somebody else is at it
--   {'granted', version, ETag, digest, mark of the metadata, mark of the schema, position, mark}
--                                where an earlier refresh broke off, it goes on at its position, and the version is that of
--                                the earlier one's begin
-- A time that was set for the next refresh stands in for the age of the last one; where every sync refreshes, neither counts.
local head = redis.call('HMGET', KEYS[1], 'at', 'due', 'v', 'et', 'dg', 'metav', 'schemav', 'mark')
local at, due, now, max_age = tonumber(head[1] or '0'), tonumber(head[2] or '0'), tonumber(ARGV[1]), tonumber(ARGV[2])
local fresh = at > 0 and now - at < max_age
if due > 0 and max_age > 0 then fresh = now < due end
if fresh then return {'fresh'} end
if not redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4]) then return {'busy', string.format('%.0f', at)} end
local progress = redis.call('HMGET', KEYS[3], 'position', 'v')
return {'granted', progress[2] or head[3] or '0', head[4] or '', head[5] or '', head[6] or '', head[7] or '',
  progress[1] or '', head[8] or ''}
