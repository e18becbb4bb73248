-- Says that somebody refers to blobs, or is about to: until the collector has found otherwise, twice, they stay.
--
-- KEYS: 1 blobs by when to look at them, then the blobs
-- ARGV: 1 the holder's field, then the blobs' digests
-- A blob that is not there (yet) is looked at all the same: the holder must be known when its content comes.
for blob = 2, #KEYS do
  redis.call('HSET', KEYS[blob], ARGV[1], '')
  redis.call('ZADD', KEYS[1], 'NX', 0, ARGV[blob])
end
return {'ok'}
