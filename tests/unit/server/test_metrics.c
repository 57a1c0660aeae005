#include "server/metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct rk_metrics metrics;
static char page[256 * 1024];

static const char *write_page(void)
{
	struct rk_text text;
	rk_text_init(&text, page, sizeof(page) - 1);
	rk_metrics_write(&metrics, &text);
	cr_assert_not(text.overflowed);
	page[text.used] = '\0';
	return page;
}

/* Whether the page has this line. */
static bool has(const char *line)
{
	char framed[256];
	(void)snprintf(framed, sizeof(framed), "\n%s\n", line);
	return strstr(write_page(), framed) != NULL;
}

static unsigned count(const char *what)
{
	unsigned n = 0;
	for (const char *at = write_page(); (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

Test(metrics, answers_by_route_and_code)
{
	static const char *const objective[] = {"200", "429", "500", "503", "504"};
	for (size_t i = 0; i < sizeof(objective) / sizeof(objective[0]); i++) {
		char line[128];
		(void)snprintf(line, sizeof(line), "rankd_http_requests_total{route=\"rank\",code=\"%s\"} 0",
			       objective[i]);
		cr_assert(has(line), "a rate has to see the first %s", objective[i]);
	}
	cr_assert_eq(count("code=\"500\"} 0\n"), RK_N_ROUTES, "of any route");
	cr_assert_eq(count("\nrankd_http_requests_total{"), RK_N_ROUTES + 4, "what else never happened is not shown");
	rk_metrics_count_answer(&metrics, RK_ROUTE_RANK, 200);
	rk_metrics_count_answer(&metrics, RK_ROUTE_RANK, 200);
	rk_metrics_count_answer(&metrics, RK_ROUTE_RANK, 429);
	rk_metrics_count_answer(&metrics, RK_ROUTE_NONE, 505);
	rk_metrics_count_answer(&metrics, RK_ROUTE_NONE, 418);
	cr_assert(has("rankd_http_requests_total{route=\"rank\",code=\"200\"} 2"));
	cr_assert(has("rankd_http_requests_total{route=\"rank\",code=\"429\"} 1"));
	cr_assert(has("rankd_http_requests_total{route=\"none\",code=\"505\"} 1"));
	cr_assert(has("rankd_http_requests_total{route=\"none\",code=\"other\"} 1"));
}

Test(metrics, durations_fall_into_the_promised_buckets)
{
	static const char *const bounds[] = {"0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.02",
					     "0.03",    "0.04",   "0.05",  "0.075",  "0.1",   "0.25"};
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		metrics = (struct rk_metrics){0};
		struct rk_job job = {.status = 200};
		uint64_t bound_ns = (uint64_t)(strtod(bounds[i], NULL) * 1e9 + 0.5);
		rk_metrics_count_job(&metrics, &job, bound_ns);
		rk_metrics_count_job(&metrics, &job, bound_ns + 1);
		char line[128];
		(void)snprintf(line, sizeof(line), "rankd_rank_duration_seconds_bucket{le=\"%s\"} 1", bounds[i]);
		cr_assert(has(line), "%s: a bound is inclusive", bounds[i]);
		cr_assert(has("rankd_rank_duration_seconds_bucket{le=\"+Inf\"} 2"));
		cr_assert(has("rankd_rank_duration_seconds_count 2"));
	}
	cr_assert_eq(count("\nrankd_rank_duration_seconds_bucket{"), 14);
}

Test(metrics, a_job_counts_once_in_each)
{
	struct rk_job job = {.status = 200, .n_candidates = 500, .n_unknown_items = 3, .n_nonfinite = 2};
	job.stage_ns[RK_STAGE_SCORE] = 700000;
	rk_metrics_count_job(&metrics, &job, 1500000);
	cr_assert(has("rankd_candidates_bucket{le=\"200\"} 0"));
	cr_assert(has("rankd_candidates_bucket{le=\"500\"} 1"));
	cr_assert(has("rankd_candidates_sum 500"));
	cr_assert(has("rankd_unknown_items_total 3"));
	cr_assert(has("rankd_nonfinite_scores_total 2"));
	cr_assert(has("rankd_stage_duration_seconds_bucket{stage=\"score\",le=\"0.0005\"} 0"));
	cr_assert(has("rankd_stage_duration_seconds_bucket{stage=\"score\",le=\"0.001\"} 1"));
	cr_assert(has("rankd_stage_duration_seconds_sum{stage=\"score\"} 0.000700000"));
	cr_assert(has("rankd_stage_duration_seconds_count{stage=\"queue\"} 1"));
	cr_assert(has("rankd_rank_duration_seconds_sum 0.001500000"));
}

Test(metrics, a_refused_job_is_no_ranking)
{
	struct rk_job job = {.status = 422, .n_candidates = 500};
	rk_metrics_count_job(&metrics, &job, 1500000);
	cr_assert(has("rankd_rank_duration_seconds_count 0"));
	cr_assert(has("rankd_candidates_count 0"));
}

Test(metrics, labelled_counters_are_there_from_the_start)
{
	cr_assert(has("rankd_shed_total{reason=\"queue\"} 0"));
	cr_assert(has("rankd_shed_total{reason=\"connections\"} 0"));
	cr_assert(has("rankd_degraded_total{reason=\"deadline\"} 0"));
	cr_assert(has("rankd_model_loads_total{result=\"refused\"} 0"));
	rk_metrics_count_shed(&metrics, RK_SHED_BUDGET);
	rk_metrics_count_load(&metrics, RK_LOAD_RESULT_REFUSED);
	rk_metrics_add(&metrics, RK_METRIC_INFLIGHT, 5);
	rk_metrics_add(&metrics, RK_METRIC_INFLIGHT, -2);
	cr_assert(has("rankd_shed_total{reason=\"budget\"} 1"));
	cr_assert(has("rankd_model_loads_total{result=\"refused\"} 1"));
	cr_assert(has("rankd_inflight_requests 3"));
}

Test(metrics, every_family_has_help_and_type_once)
{
	cr_assert_eq(count("# HELP "), count("# TYPE "));
	cr_assert_eq(count("# HELP rankd_stage_duration_seconds "), 1);
	cr_assert_eq(count("\n\n"), 0);
}

Test(metrics, process_figures)
{
	struct rk_text text;
	rk_text_init(&text, page, sizeof(page) - 1);
	rk_metrics_write_process(&text);
	page[text.used] = '\0';
	static const char *const names[] = {"\nprocess_cpu_seconds_total ", "\nprocess_resident_memory_bytes ",
					    "\nprocess_open_fds ", "\nprocess_start_time_seconds "};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *at = strstr(page, names[i]);
		cr_assert_not_null(at, "%s", names[i]);
		cr_assert(i == 0 || strtod(at + strlen(names[i]), NULL) > 1, "%s", names[i]);
	}
}
