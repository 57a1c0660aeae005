#include "bench/load/cmd_load.h"

#include "bench/load/bodies.h"
#include "bench/load/client.h"
#include "bench/load/options.h"
#include "bench/load/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static uint64_t ns_of(double value, double ns_per_unit)
{
	return (uint64_t)(value * ns_per_unit);
}

static enum rk_status fill_pool(struct rk_load_pool *pool, const struct rk_load_options *options,
				struct rk_error *reterr)
{
	if (options->bodies != NULL)
		return rk_load_bodies_read(pool, options->bodies, &options->mix, options->seed, reterr);
	const struct rk_load_made made = {
		.id_low = options->id_low,
		.id_high = options->id_high,
		.n_events = (uint32_t)options->history,
		.actions = options->actions,
	};
	return rk_load_bodies_make(pool, &made, &options->mix, options->seed, reterr);
}

static enum rk_status run_client(const struct rk_load_plan *plan, double budget_ms, struct rk_load_summary *ret_summary,
				 struct rk_error *reterr)
{
	struct rk_load_client *client = NULL;
	enum rk_status status = rk_load_client_open(&client, plan, reterr);
	if (status != RK_OK)
		return status;
	struct rk_load_run run;
	status = rk_load_client_run(client, &run, reterr);
	if (status == RK_OK)
		status = rk_load_summarise(&run, budget_ms, ret_summary, reterr);
	rk_load_client_close(client);
	return status;
}

static enum rk_status run_once(const struct rk_load_options *options, const struct rk_load_target *target,
			       const struct rk_load_pool *pool, uint64_t seed, struct rk_load_summary *ret_summary,
			       struct rk_error *reterr)
{
	struct rk_load_schedule schedule = {0};
	struct rk_load_plan plan = {
		.target = target,
		.pool = pool,
		.n_connections = (uint32_t)options->connections,
		.warmup_ns = ns_of(options->warmup_s, 1e9),
		.duration_ns = ns_of(options->duration_s, 1e9),
		.timeout_ns = ns_of(options->timeout_ms, 1e6),
		.spin_ns = options->spin_us * 1000,
	};
	if (options->closed == 0) {
		const enum rk_status status = rk_load_schedule_open(&schedule, options->process, options->rate,
								    plan.warmup_ns + plan.duration_ns, seed, reterr);
		if (status != RK_OK)
			return status;
		plan.schedule = &schedule;
	}
	const enum rk_status status = run_client(&plan, options->budget_ms, ret_summary, reterr);
	rk_load_schedule_close(&schedule);
	return status;
}

static enum rk_status tell(struct rk_load_report *report, FILE *json, struct rk_error *reterr)
{
	report->median = rk_load_summary_median(report->runs, report->n_runs);
	rk_load_machine_read(&report->machine);
	rk_load_report_write_text(report, stdout);
	if (json != NULL)
		rk_load_report_write_json(report, json);
	if (fflush(stdout) != 0 || (json != NULL && fflush(json) != 0))
		return rk_error_set(reterr, RK_IO, "the report: %s", strerror(errno));
	const struct rk_load_summary *median = &report->median;
	if (median->status_200 + median->status_429 + median->status_503 + median->status_504 + median->status_other <=
	    0)
		return rk_error_set(reterr, RK_IO, "%s: no request was answered", report->options->url);
	return RK_OK;
}

static enum rk_status run_all(const struct rk_load_options *options, const struct rk_load_target *target, FILE *json,
			      struct rk_error *reterr)
{
	struct rk_load_pool pool = {0};
	struct rk_load_summary runs[RK_LOAD_MAX_RUNS];
	enum rk_status status = rk_load_pool_open(&pool, options->pool, target, options->budget_ms, reterr);
	if (status == RK_OK)
		status = fill_pool(&pool, options, reterr);
	for (uint64_t k = 0; status == RK_OK && k < options->repeat; k++) {
		status = run_once(options, target, &pool, options->seed + k, &runs[k], reterr);
		if (status != RK_OK)
			(void)rk_error_prefix(reterr, status, "%s", options->url);
	}
	struct rk_load_report report = {.options = options, .pool = &pool, .runs = runs, .n_runs = options->repeat};
	if (status == RK_OK)
		status = tell(&report, json, reterr);
	rk_load_pool_close(&pool);
	return status;
}

static int fail(const struct rk_error *error, int exit_code)
{
	(void)fprintf(stderr, "rankd bench load: %s\n", error->message);
	return exit_code;
}

int rk_cmd_load(int argc, char **argv)
{
	struct rk_error error;
	struct rk_load_options options;
	struct rk_load_target target;
	if (rk_load_options_parse(argc - 1, argv + 1, &options, &error) != RK_OK)
		return fail(&error, EXIT_USAGE);
	if (options.help) {
		rk_load_options_write_help(stdout);
		return EXIT_FINE;
	}
	if (rk_load_target_parse(options.url, options.path, &target, &error) != RK_OK)
		return fail(&error, EXIT_USAGE);
	if (!target.is_local && !options.allow_remote) {
		(void)rk_error_set(&error, RK_INVALID, "--url: %s is not this machine (see --allow-remote)",
				   options.url);
		return fail(&error, EXIT_USAGE);
	}
	/* before the run: a report that cannot be written should not cost the time first */
	FILE *json = options.json != NULL ? fopen(options.json, "we") : NULL;
	if (options.json != NULL && json == NULL) {
		(void)rk_error_set(&error, RK_IO, "--json: %s: %s", options.json, strerror(errno));
		return fail(&error, EXIT_FAILED);
	}
	const enum rk_status status = run_all(&options, &target, json, &error);
	if (json != NULL && fclose(json) != 0 && status == RK_OK) {
		(void)rk_error_set(&error, RK_IO, "--json: %s: %s", options.json, strerror(errno));
		return fail(&error, EXIT_FAILED);
	}
	return status == RK_OK ? EXIT_FINE : fail(&error, EXIT_FAILED);
}
