#include "bench/load/report.h"

#include <math.h>

/* Bytes outside ASCII pass as they are: command lines and the kernel's text are taken to be UTF-8. */
static void write_string(FILE *stream, const char *text)
{
	(void)fputc('"', stream);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', stream);
		if ((unsigned char)*text < 0x20)
			(void)fprintf(stream, "\\u%04x", (unsigned)*text);
		else
			(void)fputc(*text, stream);
	}
	(void)fputc('"', stream);
}

static void write_number(FILE *stream, double value)
{
	if (isfinite(value))
		(void)fprintf(stream, "%.15g", value);
	else
		(void)fputs("null", stream);
}

static void write_summary(FILE *stream, const struct rk_load_summary *summary)
{
	for (size_t metric = 0; metric < RK_LOAD_N_METRICS; metric++) {
		(void)fprintf(stream, "%s\"%s\": ", metric == 0 ? "{" : ", ", rk_load_metrics[metric].name);
		write_number(stream, rk_load_summary_get(summary, metric));
	}
	(void)fputc('}', stream);
}

static void write_spread(FILE *stream, const char *name, const struct rk_load_spread *spread, size_t n)
{
	(void)fprintf(stream, ", \"%s\": {\"mean\": ", name);
	write_number(stream, spread->sum / (double)n);
	(void)fprintf(stream, ", \"min\": %llu, \"max\": %llu}", (unsigned long long)spread->min,
		      (unsigned long long)spread->max);
}

static void write_settings(const struct rk_load_report *report, FILE *stream)
{
	const struct rk_load_options *options = report->options;
	const char *process = options->process == RK_LOAD_CONSTANT ? "constant" : "poisson";
	(void)fputs("{\"tool\": \"rankd bench load\", \"url\": ", stream);
	write_string(stream, options->url);
	if (options->closed > 0)
		(void)fprintf(stream, ",\n\"loop\": \"closed\", \"in_flight\": %llu",
			      (unsigned long long)options->closed);
	else
		(void)fprintf(stream, ",\n\"loop\": \"open\", \"arrivals\": \"%s\", \"rate_per_s\": %.15g", process,
			      options->rate);
	(void)fprintf(stream,
		      ", \"connections\": %llu, \"warmup_s\": %.15g, \"duration_s\": %.15g, \"seed\": %llu, "
		      "\"timeout_ms\": %.15g, \"budget_ms\": ",
		      (unsigned long long)options->connections, options->warmup_s, options->duration_s,
		      (unsigned long long)options->seed, options->timeout_ms);
	write_number(stream, options->budget_ms > 0 ? options->budget_ms : (double)NAN);
}

static void write_bodies(const struct rk_load_report *report, FILE *stream)
{
	const struct rk_load_pool *pool = report->pool;
	(void)fputs(",\n\"bodies\": {\"source\": ", stream);
	write_string(stream, report->options->bodies != NULL ? report->options->bodies : report->options->ids);
	(void)fprintf(stream, ", \"mix\": \"%s\", \"requests\": %zu", rk_load_mix_name(&report->options->mix), pool->n);
	write_spread(stream, "candidates", &pool->n_candidates, pool->n);
	write_spread(stream, "bytes", &pool->body_bytes, pool->n);
	(void)fputs("},\n\"machine\": {\"cpu\": ", stream);
	write_string(stream, report->machine.cpu_model);
	(void)fprintf(stream, ", \"cores\": %ld, \"usable_cores\": %d}", report->machine.n_cores,
		      report->machine.n_usable_cores);
}

void rk_load_report_write_json(const struct rk_load_report *report, FILE *stream)
{
	write_settings(report, stream);
	write_bodies(report, stream);
	(void)fputs(",\n\"notes\": [", stream);
	const char *caveat;
	for (size_t i = 0; rk_load_report_caveat(report, i, &caveat); i++) {
		(void)fputs(i == 0 ? "" : ", ", stream);
		write_string(stream, caveat);
	}
	(void)fputs("],\n\"runs\": [", stream);
	for (size_t run = 0; run < report->n_runs; run++) {
		(void)fputs(run == 0 ? "\n" : ",\n", stream);
		write_summary(stream, &report->runs[run]);
	}
	(void)fputs("],\n\"median\": ", stream);
	write_summary(stream, &report->median);
	(void)fputs("}\n", stream);
}
