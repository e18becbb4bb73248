-- Removes a document that no client follows any more.
--
-- KEYS: 1 clients, then the document's other keys
-- Answers {'kept'} or {'removed'}.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'kept'} end
redis.call('UNLINK', unpack(KEYS, 2))
return {'removed'}
