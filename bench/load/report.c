#include "bench/load/report.h"

#include <math.h>
#include <string.h>

static const double long_enough_s = 5;
static const double late_ms = 1;
static const double busy_share = 0.9;

bool rk_load_report_caveat(const struct rk_load_report *report, size_t index, const char **ret_text)
{
	const struct rk_load_options *options = report->options;
	const struct rk_load_summary *median = &report->median;
	const struct {
		bool applies;
		const char *text;
	} caveats[] = {
		{options->duration_s < long_enough_s, "the measured time is under 5 s"},
		{options->warmup_s <= 0, "no warm-up was discarded"},
		{report->n_runs < 3, "fewer than 3 runs"},
		{options->closed > 0, "closed loop: latencies hide the wait of requests that were never sent"},
		{median->lag_p99_ms > late_ms,
		 "the client itself was late (p99 over 1 ms): it or the machine is saturated"},
		{median->client_cpu_share > busy_share, "the client used over 0.9 of a core: it is near its own limit"},
		{median->timeouts + median->resets + median->malformed > 0, "some requests had no answer"},
	};
	for (size_t i = 0; i < sizeof(caveats) / sizeof(caveats[0]); i++) {
		if (!caveats[i].applies)
			continue;
		if (index-- == 0) {
			*ret_text = caveats[i].text;
			return true;
		}
	}
	return false;
}

static const char *process_name(const struct rk_load_options *options)
{
	if (options->closed > 0)
		return "none";
	return options->process == RK_LOAD_CONSTANT ? "constant" : "poisson";
}

static void write_spread(FILE *stream, const struct rk_load_spread *spread, size_t n)
{
	(void)fprintf(stream, "%.1f (%llu - %llu)", spread->sum / (double)n, (unsigned long long)spread->min,
		      (unsigned long long)spread->max);
}

static void write_cell(FILE *stream, double value)
{
	if (isnan(value))
		(void)fprintf(stream, " %12s", "-");
	else if (isinf(value))
		(void)fprintf(stream, " %12s", "never");
	else if (floor(value) == value)
		(void)fprintf(stream, " %12.0f", value);
	else
		(void)fprintf(stream, " %12.3f", value);
}

static void write_head(const struct rk_load_report *report, FILE *stream)
{
	const struct rk_load_options *options = report->options;
	const struct rk_load_pool *pool = report->pool;
	(void)fputs("tool         rankd bench load, ", stream);
	if (options->closed > 0)
		(void)fprintf(stream, "closed loop, %llu requests in flight\n", (unsigned long long)options->closed);
	else
		(void)fprintf(stream, "open loop, %s arrivals at %g/s\n", process_name(options), options->rate);
	(void)fprintf(stream, "target       %s, %llu connections, time-out %g ms", options->url,
		      (unsigned long long)options->connections, options->timeout_ms);
	if (options->budget_ms > 0)
		(void)fprintf(stream, ", budget %g ms", options->budget_ms);
	(void)fprintf(stream, "\ntime         %g s of warm-up, %g s measured, %zu runs, seed %llu\n", options->warmup_s,
		      options->duration_s, report->n_runs, (unsigned long long)options->seed);
	(void)fprintf(stream, "bodies       %zu from %s; candidates (%s) ", pool->n,
		      options->bodies != NULL ? options->bodies : options->ids, rk_load_mix_name(&options->mix));
	write_spread(stream, &pool->n_candidates, pool->n);
	(void)fputs(", bytes ", stream);
	write_spread(stream, &pool->body_bytes, pool->n);
	(void)fprintf(stream, "\nmachine      %s, %ld cores, %d usable by the client\n\n", report->machine.cpu_model,
		      report->machine.n_cores, report->machine.n_usable_cores);
}

/* A row of which no run has anything (statuses that did not occur, say) is left out. */
static bool has_cells(const struct rk_load_report *report, size_t metric)
{
	for (size_t run = 0; run < report->n_runs; run++)
		if (!isnan(rk_load_summary_get(&report->runs[run], metric)))
			return true;
	return false;
}

void rk_load_report_write_text(const struct rk_load_report *report, FILE *stream)
{
	write_head(report, stream);
	(void)fprintf(stream, "%-64s", "");
	for (size_t run = 0; run < report->n_runs; run++)
		(void)fprintf(stream, "    run %5zu", run + 1);
	if (report->n_runs > 1)
		(void)fprintf(stream, " %12s", "median");
	for (size_t metric = 0; metric < RK_LOAD_N_METRICS; metric++) {
		if (!has_cells(report, metric))
			continue;
		(void)fprintf(stream, "\n%-64s", rk_load_metrics[metric].label);
		for (size_t run = 0; run < report->n_runs; run++)
			write_cell(stream, rk_load_summary_get(&report->runs[run], metric));
		if (report->n_runs > 1)
			write_cell(stream, rk_load_summary_get(&report->median, metric));
	}
	(void)fputc('\n', stream);
	const char *caveat;
	for (size_t i = 0; rk_load_report_caveat(report, i, &caveat); i++)
		(void)fprintf(stream, "note: %s\n", caveat);
}
