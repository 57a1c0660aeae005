/* What a reload does, with one scratch and no server around it. */
#include "server/cmd_validate.h"

#include "loader/golden.h"
#include "loader/registry_scan.h"
#include "server/job.h"
#include "server/precision.h"
#include "server/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_REFUSED = 1, FLAG_CPU = 0 };

static const struct rk_cli_flag flags[] = {
	{"--cpu", "auto|scalar|avx2|avx512|amx", "kernels to use"},
};

const struct rk_cli_command rk_cli_validate = {
	.word = "validate",
	.operands = "MODEL_DIR",
	.help = "load a model and run its golden and warm-up requests",
	.flags = flags,
	.n_flags = sizeof(flags) / sizeof(flags[0]),
};

static enum rk_status run_requests(struct rk_version *version, const char *path, const struct rk_request_limits *limits,
				   struct rk_error *reterr)
{
	struct rk_job_bench bench;
	enum rk_status status = rk_job_bench_open(&bench, limits, 0, reterr); /* scratch 0 is the only one */
	if (status != RK_OK)
		return status;
	status = rk_golden_check(version, path, rk_job_bench_rank, &bench, reterr);
	if (status == RK_OK)
		status = rk_warmup_run(version, path, rk_job_bench_rank, &bench, reterr);
	rk_job_bench_close(&bench);
	return status;
}

static void print_result(const struct rk_version *version)
{
	const struct rk_load_report *report = &version->report;
	(void)printf("%s/%" PRIu64 ": golden %" PRIu32 " requests, max error %.1e (tolerance %.0e); warm-up %" PRIu32
		     " requests\n",
		     version->name, version->number, report->n_golden, report->parity_max_error,
		     version->model.config.golden_tolerance, report->n_warmup);
}

/* A bf16 model's order against that of the same weights in f32. Nothing to say for an f32 model, or without warm-up
 * requests. */
static enum rk_status report_precision(struct rk_version *version, const char *path,
				       const struct rk_version_options *options, const struct rk_request_limits *limits,
				       struct rk_error *reterr)
{
	struct rk_precision_report report;
	struct rk_version_options in_f32 = *options;
	struct rk_version *exact;
	if (version->model.config.precision != RK_PRECISION_BF16 || version->report.n_warmup == 0)
		return RK_OK;
	in_f32.in_f32 = true;
	enum rk_status status = rk_version_open(&exact, path, version->name, version->number, &in_f32, reterr);
	if (status != RK_OK)
		return status;
	status = rk_precision_compare(version, exact, path, limits, &report, reterr);
	rk_version_close(exact);
	if (status == RK_OK)
		(void)printf("bf16 against f32 over %" PRIu32
			     " requests: top-10 overlap %.4f, Kendall tau %.4f, largest "
			     "error of a score %.1e\n",
			     report.n_requests, report.top10_overlap, report.kendall_tau, report.max_error);
	return status;
}

static enum rk_status validate(const char *path, const struct rk_settings *settings, enum rk_cpu_tier tier,
			       struct rk_error *reterr)
{
	const struct rk_request_limits limits = {.max_candidates = settings->max_candidates,
						 .max_events = settings->max_history_events,
						 .max_body_bytes = settings->max_body_bytes};
	const struct rk_version_options options = {
		.limits = {.max_candidates = limits.max_candidates, .max_events = limits.max_events},
		.tier = tier,
	};
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	uint64_t number;
	struct rk_version *version;
	rk_scan_guess(path, name, &number);
	enum rk_status status = rk_version_open(&version, path, name, number, &options, reterr);
	if (status != RK_OK)
		return status;
	status = run_requests(version, path, &limits, reterr);
	if (status == RK_OK) {
		print_result(version);
		status = report_precision(version, path, &options, &limits, reterr);
	}
	rk_version_close(version);
	return status;
}

int rk_cmd_validate(int argc, char **argv)
{
	static struct rk_settings settings; /* large */
	struct rk_cli_values values;
	int code = rk_cli_read(&rk_cli_validate, argc, argv, &values);
	if (code != RK_CLI_GO_ON)
		return code;
	const char *path = values.operand;
	struct rk_error error = {.status = RK_OK};
	enum rk_cpu_tier tier;
	if (rk_cpu_choose(values.flags[FLAG_CPU] == NULL ? "auto" : values.flags[FLAG_CPU], &tier, &error) != RK_OK) {
		(void)fprintf(stderr, "rankd validate: --cpu: %s\n", error.message);
		return RK_CLI_WRONG;
	}
	rk_settings_default(&settings);
	rk_cpu_flush_denormals();
	if (validate(path, &settings, tier, &error) == RK_OK)
		return 0;
	(void)fprintf(stderr, "rankd validate: %s: %s\n", path, error.message);
	return EXIT_REFUSED;
}
