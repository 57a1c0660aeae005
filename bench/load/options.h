/* The command line of `rankd bench load`: one table for parsing, ranges and help. */
#ifndef RK_BENCH_LOAD_OPTIONS_H
#define RK_BENCH_LOAD_OPTIONS_H

#include "bench/load/mix.h"
#include "bench/load/schedule.h"
#include "model/base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* field, C type, kind, flag, placeholder of its value, default, least, greatest, help. Numbers only: the range. */
#define RK_LOAD_OPTION_TABLE(X)                                                                                        \
	X(url, const char *, TEXT, "url", "URL", NULL, 0, 0, "http://host:port/path or unix:/path")                    \
	X(path, const char *, TEXT, "path", "PATH", NULL, 0, 0, "request path instead of the URL's (/rank)")           \
	X(bodies, const char *, TEXT, "bodies", "FILE", NULL, 0, 0, "/rank requests, one a line")                      \
	X(ids, const char *, TEXT, "ids", "LO-HI", NULL, 0, 0, "make bodies of integer ids instead of --bodies")       \
	X(history, uint64_t, COUNT, "history", "N", 50, 0, 65536, "events a body, with --ids")                         \
	X(actions, const char *, TEXT, "actions", "A,B", NULL, 0, 0, "actions of the events, in turn, with --ids")     \
	X(candidates, uint64_t, COUNT, "candidates", "N", 0, 1, 65536, "candidates a request, cut or repeated")        \
	X(mix_name, const char *, TEXT, "mix", "dlrm-v2", NULL, 0, 0, "candidates drawn a request: 100-700, mean 270") \
	X(pool, uint64_t, COUNT, "pool", "N", 1024, 1, 65536, "different requests, rendered beforehand")               \
	X(rate, double, NUMBER, "rate", "R", 0, 0.01, 1e6, "requests/s of the open loop")                              \
	X(poisson, bool, FLAG, "poisson", "", false, 0, 0, "exponential gaps between arrivals (the default)")          \
	X(constant, bool, FLAG, "constant", "", false, 0, 0, "equal gaps between arrivals")                            \
	X(closed, uint64_t, COUNT, "closed", "N", 0, 1, 4096, "closed loop instead: N requests in flight")             \
	X(duration_s, double, NUMBER, "duration", "S", 10, 0.1, 3600, "measured time")                                 \
	X(warmup_s, double, NUMBER, "warmup", "S", 2, 0, 600, "discarded time before it")                              \
	X(repeat, uint64_t, COUNT, "repeat", "N", 1, 1, 20, "runs; the k-th has the seed + k")                         \
	X(seed, uint64_t, COUNT, "seed", "N", 1, 0, 1e15, "of arrivals, ids and candidates")                           \
	X(connections, uint64_t, COUNT, "connections", "N", 64, 1, 4096, "kept alive")                                 \
	X(budget_ms, double, NUMBER, "budget-ms", "MS", 0, 0.001, 60000, "sent as X-Rank-Budget-Ms")                   \
	X(timeout_ms, double, NUMBER, "timeout-ms", "MS", 1000, 1, 60000, "from the intended instant")                 \
	X(spin_us, uint64_t, COUNT, "spin-us", "US", 0, 0, 100000, "poll without sleeping before an arrival")          \
	X(json, const char *, TEXT, "json", "FILE", NULL, 0, 0, "write the report as JSON too")                        \
	X(allow_remote, bool, FLAG, "allow-remote", "", false, 0, 0, "a target that is not this machine")              \
	X(help, bool, FLAG, "help", "", false, 0, 0, "this text")

struct rk_load_options {
#define RK_LOAD_OPTION_FIELD(field, type, kind, flag, value, initial, least, greatest, help) type field;
	RK_LOAD_OPTION_TABLE(RK_LOAD_OPTION_FIELD)
#undef RK_LOAD_OPTION_FIELD

	/* derived */
	enum rk_load_process process;
	struct rk_load_mix mix;
	uint64_t id_low, id_high; /* where ids are given */
};

/* arguments[0 … n) are the flags (`--name value` or `--name=value`). RK_INVALID says what is wrong, also where two
 * flags exclude each other or one is missing; with --help nothing else is checked. Texts are borrowed from the
 * arguments. */
RK_NODISCARD enum rk_status rk_load_options_parse(int n, char *const *arguments, struct rk_load_options *ret_options,
						  struct rk_error *reterr);

void rk_load_options_write_help(FILE *stream);

#endif
