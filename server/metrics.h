/*
 * What the server counts, as atomics that any thread may raise without a lock, and their Prometheus text (0.0.4).
 * One table a kind: a new metric is one line. No label ever holds an id.
 */
#ifndef RK_SERVER_METRICS_H
#define RK_SERVER_METRICS_H

#include "server/admission.h"
#include "server/job.h"
#include "server/route.h"
#include "server/tail.h"
#include "server/text.h"

#include <stdatomic.h>

/* enumerator, name, type, help */
#define RK_METRIC_TABLE(X)                                                                                             \
	X(UNKNOWN_ITEMS, "rankd_unknown_items_total", "counter", "Items of requests that the model's table lacks")     \
	X(NONFINITE_SCORES, "rankd_nonfinite_scores_total", "counter",                                                 \
	  "Scores that left the floats and were held back")                                                            \
	X(INFLIGHT, "rankd_inflight_requests", "gauge", "Ranking requests that are queued or being computed")          \
	X(TIMEOUTS, "rankd_request_timeouts_total", "counter",                                                         \
	  "Connections ended because a request or its answer dripped")                                                 \
	X(ANSWERS_LOST, "rankd_answers_lost_total", "counter", "Ranked requests whose client had gone")                \
	X(HTTP_FAULTS, "rankd_http_faults_total", "counter", "Answers that the HTTP library refused to send")

/* enumerator, word of a label */
#define RK_SHED_TABLE(X)                                                                                               \
	X(QUEUE, "queue") X(BUDGET, "budget") X(DEADLINE, "deadline") X(SLOTS, "slots") X(CONNECTIONS, "connections")
#define RK_LOAD_RESULT_TABLE(X) X(OK, "ok") X(REFUSED, "refused")

enum rk_metric {
#define RK_METRIC_ENUM(name, text, type, help) RK_METRIC_##name,
	RK_METRIC_TABLE(RK_METRIC_ENUM)
#undef RK_METRIC_ENUM
		RK_N_METRICS
};

enum rk_shed {
#define RK_SHED_ENUM(name, word) RK_SHED_##name,
	RK_SHED_TABLE(RK_SHED_ENUM)
#undef RK_SHED_ENUM
		RK_N_SHED
};

enum rk_load_result {
#define RK_LOAD_RESULT_ENUM(name, word) RK_LOAD_RESULT_##name,
	RK_LOAD_RESULT_TABLE(RK_LOAD_RESULT_ENUM)
#undef RK_LOAD_RESULT_ENUM
		RK_N_LOAD_RESULTS
};

enum { RK_MAX_BUCKETS = 14, RK_N_CODES = 19 };

struct rk_histogram {
	atomic_uint_fast64_t counts[RK_MAX_BUCKETS + 1]; /* of each bucket alone; the last is +Inf */
	atomic_uint_fast64_t sum;                        /* ns, or candidates */
};

struct rk_metrics {
	atomic_int_fast64_t values[RK_N_METRICS];
	atomic_uint_fast64_t shed[RK_N_SHED];
	atomic_uint_fast64_t loads[RK_N_LOAD_RESULTS];
	atomic_uint_fast64_t degraded; /* reason="deadline": the only one there is */
	atomic_uint_fast64_t requests[RK_N_ROUTES][RK_N_CODES];
	struct rk_histogram rank_duration; /* answered with 200 */
	struct rk_histogram stages[RK_N_STAGES];
	struct rk_histogram candidates;
	struct rk_histogram cost_ratio; /* what a ranking took on the wall / what the admission had predicted */
	struct rk_tail tail;            /* durations of the last answers with 200 */
};

static inline void rk_metrics_add(struct rk_metrics *metrics, enum rk_metric metric, int64_t n)
{
	atomic_fetch_add_explicit(&metrics->values[metric], n, memory_order_relaxed);
}

static inline void rk_metrics_count_shed(struct rk_metrics *metrics, enum rk_shed reason)
{
	atomic_fetch_add_explicit(&metrics->shed[reason], 1, memory_order_relaxed);
}

static inline void rk_metrics_count_load(struct rk_metrics *metrics, enum rk_load_result result)
{
	atomic_fetch_add_explicit(&metrics->loads[result], 1, memory_order_relaxed);
}

void rk_metrics_count_answer(struct rk_metrics *metrics, enum rk_route route, unsigned status);

/* A ranking that ran to its end: stages, candidates, unknown items, non-finite scores. */
void rk_metrics_count_job(struct rk_metrics *metrics, const struct rk_job *job, uint64_t total_ns);

/* What it took, and what the admission had predicted of it. */
void rk_metrics_count_cost(struct rk_metrics *metrics, double predicted_us, const struct rk_cost *cost);

/* Writes HELP, TYPE and the samples of everything in *metrics. */
void rk_metrics_write(const struct rk_metrics *metrics, struct rk_text *text);

/* The same for one sample that is kept elsewhere. `labels` is "" or "{a=\"b\"}". */
void rk_metrics_write_head(struct rk_text *text, const char *name, const char *type, const char *help);
void rk_metrics_write_number(struct rk_text *text, const char *name, const char *labels, double value);

/* process_*: CPU seconds, resident and virtual bytes, open descriptors, start time (server/metrics_process.c). */
void rk_metrics_open_process(void); /* opens what they are read from, before the sandbox forbids it */
void rk_metrics_write_process(struct rk_text *text);

#endif
