-- Offsets of cursors. It stands before the scripts that let a cursor start anew.
--
-- A store that was put back into an earlier state does not know which tokens it has given out since, and a request with one of those
-- can still arrive. So a cursor that starts anew leaves out more numbers than versions are lost in such a case, and how many of them
-- is as good as random: the µs of the store's second. A token of the lost time then acknowledges nothing, nor is it the one number
-- by which a device says that it has been told to start over. A cursor that is new leaves none out: by a token ahead of it one sees
-- that the store was put back.
local function offset_beyond(number) return number + 2^20 + redis.call('TIME')[2] end
