-- Sends the bodies of a file, one a line, in turn: wrk -s bench/wrk/rank.lua URL -- FILE [PATH]
-- Prints one line of results: requests a second, p50 and p99 in ms, and everything that was not 200.

local requests, at = {}, 0

function init(args)
	local path = args[2] or "/rank"
	wrk.headers["Content-Type"] = "application/json"
	for line in io.lines(args[1]) do
		requests[#requests + 1] = wrk.format("POST", path, nil, line)
	end
	if #requests == 0 then
		error("no request bodies in " .. args[1])
	end
end

function request()
	at = at % #requests + 1
	return requests[at]
end

function done(summary, latency)
	local errors = summary.errors
	local sockets = errors.connect + errors.read + errors.write + errors.timeout
	io.write(string.format("rank: %.1f %.3f %.3f %d %d\n", summary.requests / summary.duration * 1e6,
		latency:percentile(50) / 1000, latency:percentile(99) / 1000, errors.status, sockets))
end
