-- Gives a page of what a client's search found, and remembers which it was.
--
-- KEYS: 1 what was found
-- ARGV: 1 token, or '' for the page that was given last, 2 most objects, 3 most bytes of them; the first may be larger
-- Answers {'none'} if nothing is kept, or the token belongs to another search, else {'page', token of the next page,
-- object, object, …}. The objects come from here, since a plain command after this might meet another search's.
local head = redis.call('LRANGE', KEYS[1], 0, 1)
if #head == 0 then return {'none'} end
local base, start = tonumber(head[1]), tonumber(head[2])
if ARGV[1] ~= '' then start = tonumber(ARGV[1]) - base end
if start < 0 or start > redis.call('LLEN', KEYS[1]) - 2 then return {'none'} end
local found = redis.call('LRANGE', KEYS[1], 2 + start, 1 + start + tonumber(ARGV[2]))
local room = tonumber(ARGV[3])
for at, object in ipairs(found) do
  room = room - #object
  if room < 0 and at > 1 then
    for beyond = #found, at, -1 do found[beyond] = nil end
    break
  end
end
if #found > 0 then redis.call('LSET', KEYS[1], 1, start) end
local answer = {'page', string.format('%.0f', base + start + #found)}
for _, object in ipairs(found) do answer[#answer + 1] = object end
return answer
