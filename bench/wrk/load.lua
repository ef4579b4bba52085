-- wrk -s load.lua URL -- SYSTEM OPERATION SEED
-- SYSTEM is bazar or etcd, OPERATION is put or get. Keys are drawn at random from 10,000, values are 200 bytes.
-- The last line it prints is JSON: requests, durationUs, latencies in microseconds, and how many requests went wrong.

local keyCount = 10000
local valueBytes = 200
local requests = {}

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

function init(args)
  math.randomseed(tonumber(args[3]))
  local form = forms[args[1]][args[2]]
  for number = 1, keyCount do
    requests[number] = form(string.format("bench-%05d", number))
  end
end

function request()
  return requests[math.random(keyCount)]
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
