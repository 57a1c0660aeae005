#include "bench/load/summary.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Test(load_summary, percentiles_are_the_nearest_rank)
{
	uint64_t values[1000];
	for (size_t i = 0; i < 1000; i++)
		values[i] = i + 1;
	cr_assert_eq(rk_load_percentile(values, 1000, 0, 0.5), 500);
	cr_assert_eq(rk_load_percentile(values, 1000, 0, 0.9), 900);
	cr_assert_eq(rk_load_percentile(values, 1000, 0, 0.99), 990);
	cr_assert_eq(rk_load_percentile(values, 1000, 0, 0.999), 999);
	cr_assert_eq(rk_load_percentile(values, 1000, 0, 1), 1000);
	cr_assert_eq(rk_load_percentile(values, 999, 0, 0.5), 500);
	cr_assert_eq(rk_load_percentile(values, 3, 0, 0.34), 2);
	cr_assert_eq(rk_load_percentile(values, 1, 0, 0.001), 1);
}

Test(load_summary, percentiles_agree_with_their_definition)
{
	static const double shares[] = {0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
	uint64_t values[350];
	for (size_t i = 0; i < 350; i++)
		values[i] = i / 3;
	for (size_t n = 1; n <= 350; n++) {
		for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
			const double value = rk_load_percentile(values, n, 0, shares[s]);
			size_t n_below = 0, n_up_to = 0;
			for (size_t i = 0; i < n; i++) {
				n_below += (double)values[i] < value;
				n_up_to += (double)values[i] <= value;
			}
			cr_assert((double)n_up_to >= shares[s] * (double)n - 1e-6, "n %zu, %f", n, shares[s]);
			cr_assert((double)n_below < shares[s] * (double)n, "n %zu, %f", n, shares[s]);
		}
	}
}

Test(load_summary, percentiles_of_unanswered_and_of_nothing)
{
	const uint64_t values[2] = {10, 20};
	cr_assert(isnan(rk_load_percentile(NULL, 0, 0, 0.5)));
	cr_assert_eq(rk_load_percentile(values, 2, 2, 0.5), 20);
	cr_assert(isinf(rk_load_percentile(values, 2, 2, 0.75)));
	cr_assert(isinf(rk_load_percentile(NULL, 0, 1, 0.5)));
}

static const uint64_t ms_ns = 1000000;

static struct rk_load_sample sample_of(uint64_t intended_ms, uint64_t latency_ms, enum rk_load_outcome outcome,
				       uint16_t status)
{
	return (struct rk_load_sample){
		.intended_ns = intended_ms * ms_ns,
		.noticed_ns = intended_ms * ms_ns + 10000,
		.sent_ns = intended_ms * ms_ns + 20000,
		.done_ns = (intended_ms + latency_ms) * ms_ns,
		.outcome = (uint8_t)outcome,
		.status = status,
	};
}

static struct rk_load_summary summarise(const struct rk_load_sample *samples, size_t n, double budget_ms)
{
	const struct rk_load_run run = {
		.samples = samples,
		.n_samples = n,
		.warmup_ns = 100 * ms_ns,
		.duration_ns = 1000 * ms_ns,
		.counters = {.cpu_ns = 250 * ms_ns, .sent_bytes = 5000, .reconnects = 2},
	};
	struct rk_load_summary summary;
	cr_assert_eq(rk_load_summarise(&run, budget_ms, &summary, NULL), RK_OK);
	return summary;
}

Test(load_summary, counts_what_was_intended_in_the_measured_time)
{
	struct rk_load_sample samples[] = {
		sample_of(99, 5, RK_LOAD_ANSWERED, 200),   /* warm-up, but its answer is goodput of the measured time */
		sample_of(100, 10, RK_LOAD_ANSWERED, 200), /* the first instant that counts */
		sample_of(200, 30, RK_LOAD_ANSWERED, 200), /* over the budget */
		sample_of(300, 1, RK_LOAD_ANSWERED, 429),
		sample_of(400, 2, RK_LOAD_ANSWERED, 503),
		sample_of(500, 3, RK_LOAD_ANSWERED, 504),
		sample_of(600, 4, RK_LOAD_ANSWERED, 422),
		sample_of(700, 100, RK_LOAD_TIMEOUT, 0),
		sample_of(800, 5, RK_LOAD_RESET, 0),
		sample_of(900, 5, RK_LOAD_MALFORMED, 0),
		sample_of(1099, 20, RK_LOAD_ANSWERED, 200), /* ends too late */
		sample_of(1100, 1, RK_LOAD_ANSWERED, 200),  /* after it */
	};
	samples[2].is_degraded = true;
	samples[2].noticed_ns = 205 * ms_ns;
	samples[2].sent_ns = 212 * ms_ns;
	const struct rk_load_summary summary = summarise(samples, sizeof(samples) / sizeof(samples[0]), 25);
	cr_assert_eq(summary.requests, 10);
	cr_assert_eq(summary.offered_per_s, 10);
	cr_assert_eq(summary.sent_per_s, 10);
	cr_assert_eq(summary.goodput_per_s, 3);
	cr_assert_eq(summary.status_200, 3);
	cr_assert_eq(summary.status_429, 1);
	cr_assert_eq(summary.status_503, 1);
	cr_assert_eq(summary.status_504, 1);
	cr_assert_eq(summary.status_other, 1);
	cr_assert_eq(summary.timeouts, 1);
	cr_assert_eq(summary.resets, 1);
	cr_assert_eq(summary.malformed, 1);
	cr_assert_eq(summary.degraded, 1);
	cr_assert_eq(summary.within_budget, 2);
	cr_assert_eq(summary.ok_p50_ms, 20);
	cr_assert_eq(summary.ok_mean_ms, 20);
	cr_assert_eq(summary.ok_max_ms, 30);
	cr_assert_eq(summary.refused_p50_ms, 2);
	cr_assert_eq(summary.refused_max_ms, 4);
	cr_assert_eq(summary.all_p50_ms, 10, "the 5th of 7 answers and 3 that never came");
	cr_assert(isinf(summary.all_p90_ms) && isinf(summary.all_mean_ms));
	cr_assert_eq(summary.waited, 1);
	cr_assert_eq(summary.wait_p99_ms, 7);
	cr_assert_eq(summary.late_sends, 1);
	cr_assert_eq(summary.lag_max_ms, 5);
	cr_assert_float_eq(summary.lag_p50_ms, 0.01, 1e-9);
	cr_assert_float_eq(summary.client_cpu_share, 0.25, 1e-9);
	cr_assert_eq(summary.sent_bytes_per_s, 5000);
	cr_assert_eq(summary.reconnects, 2);
}

Test(load_summary, of_nothing_has_no_latencies)
{
	const struct rk_load_summary summary = summarise(NULL, 0, 0);
	cr_assert_eq(summary.requests, 0);
	cr_assert(isnan(summary.ok_p99_ms) && isnan(summary.all_mean_ms) && isnan(summary.lag_p99_ms));
}

Test(load_summary, medians_are_taken_metric_by_metric)
{
	struct rk_load_summary runs[4] = {0};
	const double p99[4] = {5, 1, 3, 100};
	for (size_t i = 0; i < 4; i++) {
		runs[i].ok_p99_ms = p99[i];
		runs[i].requests = 10 * (double)i;
		runs[i].refused_p50_ms = i == 2 ? (double)NAN : 1;
		runs[i].all_max_ms = i == 0 ? 1 : (double)INFINITY;
	}
	struct rk_load_summary median = rk_load_summary_median(runs, 3);
	cr_assert_eq(median.ok_p99_ms, 3);
	cr_assert_eq(median.requests, 10);
	cr_assert(isnan(median.refused_p50_ms));
	cr_assert(isinf(median.all_max_ms));
	median = rk_load_summary_median(runs, 4);
	cr_assert_eq(median.ok_p99_ms, 4);
	cr_assert_eq(runs[0].ok_p99_ms, 5, "the runs stay as they are");
	cr_assert_eq(rk_load_summary_median(runs, 1).ok_p99_ms, 5);
}

Test(load_summary, the_table_names_each_field_in_order)
{
	struct rk_load_summary summary = {0};
	summary.offered_per_s = 1;
	summary.received_bytes_per_s = 2;
	cr_assert_eq(rk_load_summary_get(&summary, 0), 1);
	cr_assert_eq(rk_load_summary_get(&summary, RK_LOAD_N_METRICS - 1), 2);
	cr_assert_str_eq(rk_load_metrics[0].name, "offered_per_s");
	cr_assert_str_eq(rk_load_metrics[RK_LOAD_N_METRICS - 1].name, "received_bytes_per_s");
}
