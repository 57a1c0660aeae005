/* What `rankd bench load` tells: as a table for people and as JSON. */
#ifndef RK_BENCH_LOAD_REPORT_H
#define RK_BENCH_LOAD_REPORT_H

#include "bench/load/machine.h"
#include "bench/load/options.h"
#include "bench/load/pool.h"
#include "bench/load/summary.h"

#include <stdio.h>

struct rk_load_report {
	const struct rk_load_options *options;
	const struct rk_load_pool *pool;
	struct rk_load_machine machine;
	const struct rk_load_summary *runs; /* [n_runs] */
	size_t n_runs;
	struct rk_load_summary median;
};

/* Write errors stay in the stream (ferror). Not a number and infinite are "-" and "never" in text, null in JSON. */
void rk_load_report_write_text(const struct rk_load_report *report, FILE *stream);
void rk_load_report_write_json(const struct rk_load_report *report, FILE *stream);

/* Why the figures should not be quoted as they are, one reason at a time: writes reason `index` (from 0) and returns
 * true, or returns false when there are no more. */
bool rk_load_report_caveat(const struct rk_load_report *report, size_t index, const char **ret_text);

#endif
