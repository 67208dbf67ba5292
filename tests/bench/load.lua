-- wrk's script: distinct transactions from a prepared file, and a summary in JSON.
--
--     wrk -s load.lua URL -- BODIES RUN
--
-- Each line of BODIES is "prefix<TAB>middle<TAB>suffix" of a JSON object that lacks its id and its
-- time: prefix id middle time suffix. RUN (8 characters) makes ids unique over the whole bench.
-- Times are one hour ago plus a second for every thousand requests of a thread.

local STRIDE = 1000
local format, date = string.format, os.date
local counter = 0

function setup(thread)
    thread:set("thread_id", counter)
    counter = counter + 1
end

local heads, middles, tails = {}, {}, {}
local made, at, stamp, prefix = 0, 0, "", ""

function init(args)
    local i = 0
    for line in io.lines(args[1]) do
        local a, b, c = line:match("^(.-)\t(.-)\t(.*)$")
        i = i + 1
        -- ids have 20 bytes, times 20
        heads[i] = "POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            .. "Content-Type: application/json\r\nContent-Length: " .. (#a + 20 + #b + 20 + #c)
            .. "\r\n\r\n" .. a
        middles[i], tails[i] = b, c
    end
    at = math.floor(i / 2) * thread_id
    prefix = args[2] .. thread_id .. "-"
    base = os.time() - 3600 + tonumber(args[3] or 0)
end

function request()
    if made % STRIDE == 0 then
        stamp = date("!%Y-%m-%dT%H:%M:%SZ", base + made / STRIDE)
    end
    made = made + 1
    at = at % #heads + 1
    return heads[at] .. prefix .. format("%010d", made) .. middles[at] .. stamp .. tails[at]
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(format('JSON {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"p999_us":%d,'
        .. '"max_us":%d,"errors":%d,"timeouts":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        latency:percentile(99.9), latency.max, e.connect + e.read + e.write + e.status, e.timeout))
end
