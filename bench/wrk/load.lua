-- wrk -s load.lua URL -- FORM OPERATION SEED KEYS EXPONENT
-- FORM is bazar or etcd, OPERATION is put or get. Keys are drawn at random from so many, by Zipf's law with this exponent,
-- or all alike with 0. Values are 200 bytes.
-- The last line it prints is JSON: requests, durationUs, latencies in microseconds, and how many requests went wrong.

local drawCount = 100000
local valueBytes = 200
local keyCount
local requests = {}
local draws = {}
local drawn = 0

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
  local encoded = {}
  for position = 1, #text, 3 do
    local a, b, c = text:byte(position, position + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for sextet = 3, 0, -1 do
      local value = math.floor(bits / 64 ^ sextet) % 64
      local missing = (sextet == 1 and not b) or (sextet == 0 and not c)
      encoded[#encoded + 1] = missing and "=" or alphabet:sub(value + 1, value + 1)
    end
  end
  return table.concat(encoded)
end

local function randomValue()
  local characters = {}
  for position = 1, valueBytes do
    local at = math.random(#alphabet)
    characters[position] = alphabet:sub(at, at)
  end
  return table.concat(characters)
end

local json = { ["Content-Type"] = "application/json" }

local forms = {
  bazar = {
    put = function(key) return wrk.format("PUT", "/v1/kv/" .. key, nil, randomValue()) end,
    get = function(key) return wrk.format("GET", "/v1/kv/" .. key) end,
  },
  etcd = {
    put = function(key)
      local body = string.format('{"key":"%s","value":"%s"}', base64(key), base64(randomValue()))
      return wrk.format("POST", "/v3/kv/put", json, body)
    end,
    get = function(key)
      return wrk.format("POST", "/v3/kv/range", json, string.format('{"key":"%s"}', base64(key)))
    end,
  },
}

-- All at once beforehand: a search for each request would slow the load down.
local function drawByZipf(exponent)
  local shares, sum = {}, 0
  for rank = 1, keyCount do
    sum = sum + 1 / rank ^ exponent
    shares[rank] = sum
  end
  for number = 1, drawCount do
    local at = math.random() * sum
    local low, high = 1, keyCount
    while low < high do
      local middle = math.floor((low + high) / 2)
      if shares[middle] > at then high = middle else low = middle + 1 end
    end
    draws[number] = low
  end
end

function init(args)
  math.randomseed(tonumber(args[3]))
  keyCount = tonumber(args[4])
  local exponent = tonumber(args[5])
  if exponent > 0 then drawByZipf(exponent) end
  local form = forms[args[1]][args[2]]
  for number = 1, keyCount do
    requests[number] = form(string.format("bench-%05d", number))
  end
end

function request()
  if #draws == 0 then return requests[math.random(keyCount)] end
  drawn = drawn % drawCount + 1
  return requests[draws[drawn]]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"errors":%d}\n',
    summary.requests,
    summary.duration,
    latency:percentile(50),
    latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
