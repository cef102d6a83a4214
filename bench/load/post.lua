-- Posts the JSON bodies of a file, one per line, in turn; prints the outcome as one line of JSON.
-- Arguments: the file of bodies, the file of headers (one `name: value` per line).
local function lines(path)
  local all = {}
  for line in io.lines(path) do
    if line ~= "" then table.insert(all, line) end
  end
  return all
end

function init(args)
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
  for _, line in ipairs(lines(args[2])) do
    local name, value = line:match("^([^:]+):%s*(.*)$")
    wrk.headers[name] = value
  end
  local bodies = lines(args[1])
  wrk.body = bodies[1]
  if #bodies > 1 then
    local requests = {}
    for index, body in ipairs(bodies) do requests[index] = wrk.format(nil, nil, nil, body) end
    local next = 0
    request = function()
      next = next % #requests + 1
      return requests[next]
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"durationMicros":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,"p50Micros":%d,"p99Micros":%d}\n',
    summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.status, errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
