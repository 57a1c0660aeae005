#include "bench/model/cmd_model.h"

#include "bench/model/measure.h"
#include "bench/model/options.h"
#include "bench/model/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int fail(const struct rk_error *error, int exit_code)
{
	(void)fprintf(stderr, "rankd bench model: %s\n", error->message);
	return exit_code;
}

static enum rk_status tell(const struct rk_model_bench *bench, const struct rk_load_machine *machine, FILE *json,
			   struct rk_error *reterr)
{
	rk_model_bench_write_text(bench, machine, stdout);
	if (json != NULL)
		rk_model_bench_write_json(bench, machine, json);
	if (fflush(stdout) != 0 || (json != NULL && fflush(json) != 0))
		return rk_error_set(reterr, RK_IO, "the report: %s", strerror(errno));
	return RK_OK;
}

static enum rk_status run(const struct rk_model_bench_options *options, FILE *json, struct rk_error *reterr)
{
	static struct rk_model_bench bench; /* large */
	struct rk_load_machine machine;
	rk_load_machine_read(&machine);
	enum rk_status status = rk_model_bench_run(&bench, options, reterr);
	if (status == RK_OK)
		status = tell(&bench, &machine, json, reterr);
	rk_model_bench_close(&bench);
	return status;
}

int rk_cmd_bench_model(int argc, char **argv)
{
	struct rk_error error = {.status = RK_OK};
	struct rk_model_bench_options options;
	if (rk_model_bench_options_parse(argc - 1, argv + 1, &options, &error) != RK_OK)
		return fail(&error, EXIT_USAGE);
	if (options.help) {
		rk_model_bench_options_write_help(stdout);
		return EXIT_FINE;
	}
	/* before the run: a report that cannot be written should not cost the time first */
	FILE *json = options.json != NULL ? fopen(options.json, "we") : NULL;
	if (options.json != NULL && json == NULL) {
		(void)rk_error_set(&error, RK_IO, "--json: %s: %s", options.json, strerror(errno));
		return fail(&error, EXIT_FAILED);
	}
	enum rk_status status = run(&options, json, &error);
	if (json != NULL && fclose(json) != 0 && status == RK_OK)
		status = rk_error_set(&error, RK_IO, "--json: %s: %s", options.json, strerror(errno));
	return status == RK_OK ? EXIT_FINE : fail(&error, EXIT_FAILED);
}
