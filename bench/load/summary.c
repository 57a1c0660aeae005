#include "bench/load/summary.h"

#include "model/base/check.h"
#include "model/base/pages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ns_per_ms = 1e6;
static const uint64_t late_ns = 1000000;

const struct rk_load_metric rk_load_metrics[RK_LOAD_N_METRICS] = {
#define METRIC(name, label) {#name, label},
	RK_LOAD_METRIC_TABLE(METRIC)
#undef METRIC
};

double rk_load_summary_get(const struct rk_load_summary *summary, size_t metric)
{
	RK_ASSERT(metric < RK_LOAD_N_METRICS);
	double value;
	memcpy(&value, (const char *)summary + metric * sizeof(double), sizeof(value));
	return value;
}

double rk_load_percentile(const uint64_t *sorted, size_t n, size_t n_beyond, double share)
{
	const size_t n_all = n + n_beyond;
	if (n_all == 0)
		return (double)NAN;
	/* the subtraction undoes the rounding of share × n where the product is a whole number */
	const double rank = ceil(share * (double)n_all - 1e-9 * (double)n_all);
	const size_t index = rank < 1 ? 0 : (size_t)rank - 1;
	return index < n ? (double)sorted[index] : (double)INFINITY;
}

/* The times of some samples, taken one by one into memory for all of them. */
struct times {
	uint64_t *values_ns;
	size_t n;
	double sum_ns;
};

static void take(struct times *times, uint64_t value_ns)
{
	times->values_ns[times->n++] = value_ns;
	times->sum_ns += (double)value_ns;
}

static int compare(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left;
	const uint64_t b = *(const uint64_t *)right;
	return (a > b) - (a < b);
}

static void sort(struct times *times)
{
	if (times->n > 0)
		qsort(times->values_ns, times->n, sizeof(times->values_ns[0]), compare);
}

static double percentile_ms(const struct times *times, size_t n_beyond, double share)
{
	return rk_load_percentile(times->values_ns, times->n, n_beyond, share) / ns_per_ms;
}

static double mean_ms(const struct times *times, size_t n_beyond)
{
	if (times->n + n_beyond == 0)
		return (double)NAN;
	return n_beyond > 0 ? (double)INFINITY : times->sum_ns / (double)times->n / ns_per_ms;
}

#define SET_LATENCIES(summary, prefix, times, n_beyond)                                                                \
	do {                                                                                                           \
		sort(times);                                                                                           \
		(summary)->prefix##_mean_ms = mean_ms(times, n_beyond);                                                \
		(summary)->prefix##_p50_ms = percentile_ms(times, n_beyond, 0.5);                                      \
		(summary)->prefix##_p90_ms = percentile_ms(times, n_beyond, 0.9);                                      \
		(summary)->prefix##_p95_ms = percentile_ms(times, n_beyond, 0.95);                                     \
		(summary)->prefix##_p99_ms = percentile_ms(times, n_beyond, 0.99);                                     \
		(summary)->prefix##_p999_ms = percentile_ms(times, n_beyond, 0.999);                                   \
		(summary)->prefix##_max_ms = percentile_ms(times, n_beyond, 1);                                        \
	} while (0)

static bool is_measured(const struct rk_load_run *run, uint64_t at_ns)
{
	return at_ns >= run->warmup_ns && at_ns - run->warmup_ns < run->duration_ns;
}

static void count_answer(struct rk_load_summary *summary, const struct rk_load_sample *sample, double budget_ms)
{
	const double latency_ms = (double)(sample->done_ns - sample->intended_ns) / ns_per_ms;
	switch (sample->status) {
	case 200:
		summary->status_200++;
		summary->degraded += sample->is_degraded;
		summary->within_budget += budget_ms <= 0 || latency_ms <= budget_ms;
		break;
	case 429:
		summary->status_429++;
		break;
	case 503:
		summary->status_503++;
		break;
	case 504:
		summary->status_504++;
		break;
	default:
		summary->status_other++;
	}
}

static void count(struct rk_load_summary *summary, const struct rk_load_sample *sample, double budget_ms)
{
	summary->requests++;
	summary->late_sends += sample->noticed_ns - sample->intended_ns > late_ns;
	switch ((enum rk_load_outcome)sample->outcome) {
	case RK_LOAD_ANSWERED:
		count_answer(summary, sample, budget_ms);
		break;
	case RK_LOAD_RESET:
		summary->resets++;
		break;
	case RK_LOAD_MALFORMED:
		summary->malformed++;
		break;
	case RK_LOAD_TIMEOUT:
		summary->timeouts++;
		break;
	case RK_LOAD_WAITING:
	case RK_LOAD_IN_FLIGHT:
	default:
		RK_ASSERT(sample->outcome > RK_LOAD_IN_FLIGHT && sample->outcome <= RK_LOAD_TIMEOUT);
	}
}

enum group { GROUP_OK, GROUP_REFUSED, GROUP_ALL, GROUP_WAIT, GROUP_LAG };

static void take_of(struct times *times, enum group group, const struct rk_load_sample *sample)
{
	const bool is_answered = sample->outcome == RK_LOAD_ANSWERED;
	const bool is_ok = is_answered && sample->status == 200;
	const uint64_t latency_ns = sample->done_ns - sample->intended_ns;
	switch (group) {
	case GROUP_OK:
		if (is_ok)
			take(times, latency_ns);
		break;
	case GROUP_REFUSED:
		if (is_answered && !is_ok)
			take(times, latency_ns);
		break;
	case GROUP_ALL:
		if (is_answered)
			take(times, latency_ns);
		break;
	case GROUP_WAIT:
		take(times, (sample->sent_ns > 0 ? sample->sent_ns : sample->done_ns) - sample->noticed_ns);
		break;
	case GROUP_LAG:
	default:
		take(times, sample->noticed_ns - sample->intended_ns);
	}
}

/* The times of one group in `scratch_ns`, which the next group takes again. */
static struct times times_of(const struct rk_load_run *run, enum group group, uint64_t *scratch_ns)
{
	struct times times = {.values_ns = scratch_ns};
	for (size_t i = 0; i < run->n_samples; i++)
		if (is_measured(run, run->samples[i].intended_ns))
			take_of(&times, group, &run->samples[i]);
	return times;
}

static void set_rates(struct rk_load_summary *summary, const struct rk_load_run *run)
{
	const double duration_s = (double)run->duration_ns * 1e-9;
	for (size_t i = 0; i < run->n_samples; i++) {
		const struct rk_load_sample *sample = &run->samples[i];
		summary->sent_per_s += sample->sent_ns > 0 && is_measured(run, sample->sent_ns);
		summary->goodput_per_s += sample->outcome == RK_LOAD_ANSWERED && sample->status == 200 &&
					  is_measured(run, sample->done_ns);
	}
	summary->sent_per_s /= duration_s;
	summary->goodput_per_s /= duration_s;
	summary->offered_per_s = summary->requests / duration_s;
	summary->client_cpu_share = (double)run->counters.cpu_ns / (double)run->duration_ns;
	summary->reconnects = (double)run->counters.reconnects;
	summary->connect_failures = (double)run->counters.connect_failures;
	summary->sent_bytes_per_s = (double)run->counters.sent_bytes / duration_s;
	summary->received_bytes_per_s = (double)run->counters.received_bytes / duration_s;
}

enum rk_status rk_load_summarise(const struct rk_load_run *run, double budget_ms, struct rk_load_summary *ret_summary,
				 struct rk_error *reterr)
{
	struct rk_pages scratch;
	const enum rk_status status = rk_pages_open(&scratch, (run->n_samples + 1) * sizeof(uint64_t), reterr);
	if (status != RK_OK)
		return status;
	struct rk_load_summary summary = {0};
	for (size_t i = 0; i < run->n_samples; i++)
		if (is_measured(run, run->samples[i].intended_ns))
			count(&summary, &run->samples[i], budget_ms);
	set_rates(&summary, run);

	struct times times = times_of(run, GROUP_OK, scratch.base);
	SET_LATENCIES(&summary, ok, &times, 0);
	times = times_of(run, GROUP_REFUSED, scratch.base);
	SET_LATENCIES(&summary, refused, &times, 0);
	times = times_of(run, GROUP_ALL, scratch.base);
	SET_LATENCIES(&summary, all, &times, (size_t)summary.requests - times.n);
	times = times_of(run, GROUP_WAIT, scratch.base);
	sort(&times);
	summary.wait_p99_ms = percentile_ms(&times, 0, 0.99);
	for (size_t i = 0; i < times.n; i++)
		summary.waited += times.values_ns[i] > late_ns;
	times = times_of(run, GROUP_LAG, scratch.base);
	sort(&times);
	summary.lag_p50_ms = percentile_ms(&times, 0, 0.5);
	summary.lag_p99_ms = percentile_ms(&times, 0, 0.99);
	summary.lag_max_ms = percentile_ms(&times, 0, 1);
	rk_pages_close(&scratch);
	*ret_summary = summary;
	return RK_OK;
}

static int compare_doubles(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;
	return (a > b) - (a < b);
}

static double median(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (isnan(values[i]))
			return (double)NAN;
	qsort(values, n, sizeof(values[0]), compare_doubles);
	return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct rk_load_summary rk_load_summary_median(const struct rk_load_summary *runs, size_t n)
{
	RK_ASSERT(n > 0 && n <= RK_LOAD_MAX_RUNS);
	double values[RK_LOAD_MAX_RUNS];
	struct rk_load_summary summary;
	for (size_t metric = 0; metric < RK_LOAD_N_METRICS; metric++) {
		for (size_t run = 0; run < n; run++)
			values[run] = rk_load_summary_get(&runs[run], metric);
		const double middle = median(values, n);
		memcpy((char *)&summary + metric * sizeof(double), &middle, sizeof(middle));
	}
	return summary;
}
