/* A run in numbers: one table names them all, for the text, the JSON and the medians over runs. */
#ifndef RK_BENCH_LOAD_SUMMARY_H
#define RK_BENCH_LOAD_SUMMARY_H

#include "bench/load/sample.h"
#include "model/base/status.h"

/* prefix, what it covers; times in ms from the intended instant */
#define RK_LOAD_LATENCIES(X, prefix, what)                                                                             \
	X(prefix##_mean_ms, what ": mean")                                                                             \
	X(prefix##_p50_ms, what ": p50")                                                                               \
	X(prefix##_p90_ms, what ": p90")                                                                               \
	X(prefix##_p95_ms, what ": p95")                                                                               \
	X(prefix##_p99_ms, what ": p99")                                                                               \
	X(prefix##_p999_ms, what ": p99.9")                                                                            \
	X(prefix##_max_ms, what ": max")

/* name (and JSON key), label. Counts and latencies are of the requests whose intended instant is in the measured time.
 */
#define RK_LOAD_METRIC_TABLE(X)                                                                                        \
	X(offered_per_s, "rate offered, 1/s")                                                                          \
	X(sent_per_s, "rate sent, 1/s")                                                                                \
	X(goodput_per_s, "goodput (200s that came in the measured time), 1/s")                                         \
	X(requests, "requests")                                                                                        \
	X(status_200, "  200")                                                                                         \
	X(status_429, "  429")                                                                                         \
	X(status_503, "  503")                                                                                         \
	X(status_504, "  504")                                                                                         \
	X(status_other, "  other status")                                                                              \
	X(timeouts, "  timeouts")                                                                                      \
	X(resets, "  resets")                                                                                          \
	X(malformed, "  malformed answers")                                                                            \
	X(degraded, "degraded 200s")                                                                                   \
	X(within_budget, "200s within the budget")                                                                     \
	RK_LOAD_LATENCIES(X, ok, "200, ms")                                                                            \
	RK_LOAD_LATENCIES(X, refused, "other statuses, ms")                                                            \
	RK_LOAD_LATENCIES(X, all, "all (unanswered = never), ms")                                                      \
	X(waited, "requests that waited more than 1 ms for a connection")                                              \
	X(wait_p99_ms, "wait for a connection, ms: p99")                                                               \
	X(lag_p50_ms, "client late by, ms: p50")                                                                       \
	X(lag_p99_ms, "client late by, ms: p99")                                                                       \
	X(lag_max_ms, "client late by, ms: max")                                                                       \
	X(late_sends, "client late by more than 1 ms, requests")                                                       \
	X(client_cpu_share, "client's share of one core")                                                              \
	X(reconnects, "reconnects")                                                                                    \
	X(connect_failures, "failed reconnects")                                                                       \
	X(sent_bytes_per_s, "sent, bytes/s")                                                                           \
	X(received_bytes_per_s, "received, bytes/s")

struct rk_load_summary {
#define RK_LOAD_METRIC_FIELD(name, label) double name;
	RK_LOAD_METRIC_TABLE(RK_LOAD_METRIC_FIELD)
#undef RK_LOAD_METRIC_FIELD
};

/* The same fields as an array, in the table's order. */
enum { RK_LOAD_N_METRICS = sizeof(struct rk_load_summary) / sizeof(double) };
struct rk_load_metric {
	const char *name;
	const char *label;
};
extern const struct rk_load_metric rk_load_metrics[RK_LOAD_N_METRICS];
double rk_load_summary_get(const struct rk_load_summary *summary, size_t metric);

enum { RK_LOAD_MAX_RUNS = 20 };

/* Counted over the measured time. */
struct rk_load_counters {
	uint64_t cpu_ns;
	uint64_t sent_bytes, received_bytes;
	uint64_t reconnects, connect_failures;
};

struct rk_load_run {
	const struct rk_load_sample *samples; /* [n_samples], each with an outcome that is final */
	size_t n_samples;
	uint64_t warmup_ns, duration_ns; /* measured: intended in [warmup, warmup + duration) */
	struct rk_load_counters counters;
};

/* `budget_ms` 0: within_budget counts every 200. RK_NO_MEMORY. */
RK_NODISCARD enum rk_status rk_load_summarise(const struct rk_load_run *run, double budget_ms,
					      struct rk_load_summary *ret_summary, struct rk_error *reterr);

/* Each metric's median over n runs (the mean of the middle two where n is even); NAN where a run has none. 1 ≤ n ≤
 * RK_LOAD_MAX_RUNS. */
struct rk_load_summary rk_load_summary_median(const struct rk_load_summary *runs, size_t n);

#endif
