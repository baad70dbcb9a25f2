-- Claims, looks up and marks identities: one op per key, in order. The reply is Redis' clock in
-- milliseconds, then for every claim and look the value found before the op, or false.
--
-- The layout of a value is told in encoding.go; Apply and noteClick in state.go do the same in Go, and
-- conformance_test.go holds both against each other. Numbers beyond 2^53 are never computed with here.
--
-- Ops (big-endian):
--   L
--   C flags 1 (1: claim although done) hot 1 lease-ms 4 owner 4 click 4 print 8
--   M window-ms 6 owner 4 click 4 date 6 entry
local MAX_ENTRIES, MAX_CLICKS, MAX_OPENS, HOT_SPAN = 16, 15, 7, 3600
local sub, byte, char, concat = string.sub, string.byte, string.char, table.concat
local pack, unpack = struct.pack, struct.unpack

local clock = redis.call('TIME')
local now_s = tonumber(clock[1])
local now = now_s * 1000 + math.floor(tonumber(clock[2]) / 1000)

local function u48(s, at)
  local hi, lo = unpack('>I2I4', s, at)
  return hi * 4294967296 + lo
end

local function p48(v)
  return pack('>I2I4', math.floor(v / 4294967296), v % 4294967296)
end

local function entry_size(s, at)
  local flags, size = byte(s, at + 11), 22
  if flags % 4 >= 2 then size = size + 8 end
  if flags % 2 == 1 then size = size + 4 end
  return size
end

-- identity of an entry: print, occurrence and, when timed, the day
local function entry_id(s, at)
  if byte(s, at + 11) % 4 >= 2 then
    return sub(s, at, at + 9) .. sub(s, at + 22, at + 23)
  end
  return sub(s, at, at + 9)
end

-- a value taken apart; opens that have lapsed are left out
local function parse(v)
  local st = {opens = {}, clicks = {}, entries = {}, seq = 0, click = '', date = ''}
  if not v then return st end
  local flags, counts = byte(v, 1, 2)
  if flags >= 128 then return redis.error_reply('ERR dedupe value of a newer version') end
  local at, n = 3, counts % 32
  for _ = 1, math.floor(counts / 32) do
    if u48(v, at + 12) > now then st.opens[#st.opens + 1] = sub(v, at, at + 17) end
    at = at + 18
  end
  for _ = 1, math.floor(flags / 8) % 16 do
    st.clicks[#st.clicks + 1] = sub(v, at, at + 7)
    at = at + 8
  end
  st.seq = n
  if flags % 2 == 1 then st.seq = unpack('>I4', v, at); at = at + 4 end
  if flags % 4 >= 2 then st.click = sub(v, at, at + 3); at = at + 4 end
  if flags % 8 >= 4 then st.date = sub(v, at, at + 5); at = at + 6 end
  for i = 1, n do
    local size = entry_size(v, at)
    st.entries[i] = sub(v, at, at + size - 1)
    at = at + size
  end
  return st
end

local function build(st)
  local n, flags, seq = #st.entries, #st.clicks * 8, ''
  if st.seq ~= n then flags = flags + 1; seq = pack('>I4', st.seq) end
  if st.click ~= '' then flags = flags + 2 end
  if st.date ~= '' then flags = flags + 4 end
  return char(flags, n + 32 * #st.opens) .. concat(st.opens) .. concat(st.clicks)
    .. seq .. st.click .. st.date .. concat(st.entries)
end

local function is_hot(clicks, hot)
  for _, c in ipairs(clicks) do
    if sub(c, 1, 4) == '\0\0\0\0' then return true end
  end
  return #clicks + 1 >= hot
end

-- remembers a further click id of a known identity; see noteClick
local function note_click(st, click, hot)
  if hot == 0 or #st.entries == 0 or click == '\0\0\0\0' or st.click == '' or click == st.click then
    return false
  end
  local kept = {}
  for _, c in ipairs(st.clicks) do
    if sub(c, 1, 4) == click then return false end
    if unpack('>I4', c, 5) + HOT_SPAN > now_s then kept[#kept + 1] = c end
  end
  if is_hot(kept, hot) then
    click = '\0\0\0\0'
    for i, c in ipairs(kept) do
      if sub(c, 1, 4) == click then table.remove(kept, i); break end
    end
  end
  if #kept == MAX_CLICKS then table.remove(kept, 1) end
  kept[#kept + 1] = click .. pack('>I4', now_s)
  st.clicks = kept
  return true
end

local function done(st, print)
  for _, e in ipairs(st.entries) do
    if sub(e, 1, 8) == print and byte(e, 12) % 2 == 0 then return true end
  end
  return false
end

local function claim(key, op, v)
  local flags, hot = byte(op, 2, 3)
  local lease, owner, click, print = unpack('>I4', op, 4), sub(op, 8, 11), sub(op, 12, 15), sub(op, 16, 23)
  local open = print .. owner .. p48(now + lease)
  if not v then
    redis.call('SET', key, char(0, 32) .. open, 'PX', lease)
    return
  end
  local st = parse(v)
  if st.err then return end
  local changed = note_click(st, click, hot)
  if flags % 2 == 1 or not done(st, print) then
    for i, o in ipairs(st.opens) do
      if sub(o, 1, 12) == print .. owner then table.remove(st.opens, i); break end
    end
    if #st.opens == MAX_OPENS then table.remove(st.opens, 1) end
    st.opens[#st.opens + 1] = open
    changed = true
  end
  if not changed then return end
  if #st.entries == 0 then
    redis.call('SET', key, build(st), 'PX', lease)
  else
    redis.call('SET', key, build(st), 'KEEPTTL')
  end
end

-- raises the standing of a known entry; true when it is known
local function raise(st, entry)
  local id, journaled = entry_id(entry, 1), byte(entry, 12) % 2 == 1
  for i, e in ipairs(st.entries) do
    if entry_id(e, 1) == id then
      if not journaled and byte(e, 12) % 2 == 1 then
        st.entries[i] = sub(e, 1, 11) .. char(byte(e, 12) - 1) .. sub(e, 13, #e - 4)
        return true, true
      end
      return true, false
    end
  end
  return false, false
end

local function mark(key, op, v)
  local window, owner, click, date, entry = u48(op, 2), sub(op, 8, 11), sub(op, 12, 15), sub(op, 16, 21), sub(op, 22)
  local st = parse(v)
  if st.err then return end
  local opens = {}
  for _, o in ipairs(st.opens) do
    if sub(o, 1, 12) ~= sub(entry, 1, 8) .. owner then opens[#opens + 1] = o end
  end
  local closed = #opens ~= #st.opens
  st.opens = opens
  local known, raised = raise(st, entry)
  if known then
    if closed or raised then redis.call('SET', key, build(st), 'KEEPTTL') end
    return
  end
  if #st.entries == MAX_ENTRIES then table.remove(st.entries, 1) end
  st.entries[#st.entries + 1] = entry
  st.seq = st.seq + 1
  if st.click == '' and click ~= '\0\0\0\0' then st.click = click end
  if u48(date, 1) > 0 and (st.date == '' or u48(date, 1) > u48(st.date, 1)) then st.date = date end
  redis.call('SET', key, build(st), 'PX', window)
end

local out = {now}
for i, key in ipairs(KEYS) do
  local op = ARGV[i]
  local v = redis.call('GET', key)
  local kind = byte(op, 1)
  if kind == 77 then
    mark(key, op, v)
  else
    out[#out + 1] = v
    if kind == 67 then claim(key, op, v) end
  end
end
return out
