/* One section after the other, each from the module that knows; a line that begins with "!" is a reason not to serve
 * like this. */
#include "server/cmd_doctor.h"

#include "loader/golden.h"
#include "loader/registry_scan.h"
#include "model/kernels/dense.h"
#include "server/footprint.h"
#include "server/host.h"
#include "server/job.h"
#include "server/sandbox.h"
#include "server/selfbench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_UNFIT = 1, OTHER_DESCRIPTORS = 320 };

static const double bench_s = 2.0;

static const struct rk_cli_flag flags[] = {
	{"--config", "FILE", "settings as of rankd serve"},
	{"--workers", "N", "the setting workers"},
	{"--cpu", "auto|scalar|avx2|avx512|amx", "the setting cpu"},
};

enum { N_FLAGS = sizeof(flags) / sizeof(flags[0]) };

const struct rk_cli_command rk_cli_doctor = {
	.word = "doctor",
	.operands = "MODEL_DIR",
	.help = "tell whether this machine is fit to serve a model: limits, memory, capacity",
	.flags = flags,
	.n_flags = N_FLAGS,
};

struct doctor {
	const char *path;
	struct rk_settings settings;
	struct rk_request_limits limits;
	enum rk_cpu_tier tier;
	struct rk_host host;
	struct rk_version *version;
	struct rk_footprint footprint;
	bool is_unfit;
};

static void print_label(const char *label)
{
	(void)printf("%-14s", label);
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (1024 * 1024);
}

/* ---- machine ---- */

static void print_machine(const struct doctor *doctor)
{
	const struct rk_host *host = &doctor->host;
	print_label("processor");
	(void)printf("%s, %" PRIu32 " of %" PRIu32 " cores usable\n",
		     host->cpu_model[0] == '\0' ? "unknown" : host->cpu_model, host->n_usable_cores, host->n_cores);
	print_label("kernels");
	(void)printf("%s%s%s\n", rk_cpu_tier_name(doctor->tier),
		     doctor->tier < rk_cpu_detect() ? " (this processor can do more)" : "",
		     rk_cpu_has_bf16() ? ", bf16: AVX-512-BF16" : "");
	print_label("BLAS");
	(void)printf("%s, on the loading thread alone\n", rk_dense_name());
	print_label("huge pages");
	if (strcmp(host->huge_pages, "never") == 0 || host->huge_pages[0] == '\0')
		(void)printf("none here: set /sys/kernel/mm/transparent_hugepage/enabled to madvise\n");
	else
		(void)printf("%s: weights, scratch and arenas ask for them\n", host->huge_pages);
}

static void print_sandbox(struct doctor *doctor)
{
	struct rk_sandbox offered;
	rk_sandbox_probe(&offered);
	print_label("sandbox");
	if (offered.landlock_abi > 0)
		(void)printf("Landlock ABI %d, ", offered.landlock_abi);
	else
		(void)printf("no Landlock, ");
	(void)printf("%s; the setting is %s\n", offered.has_filter ? "seccomp" : "no seccomp",
		     doctor->settings.sandbox);
	if (strcmp(doctor->settings.sandbox, "on") == 0 && (offered.landlock_abi == 0 || !offered.has_filter)) {
		(void)printf("! sandbox is on: the server will not start here\n");
		doctor->is_unfit = true;
	}
}

static void print_descriptors(struct doctor *doctor)
{
	const struct rk_host *host = &doctor->host;
	uint64_t wanted = (uint64_t)doctor->settings.max_connections + OTHER_DESCRIPTORS;
	print_label("descriptors");
	(void)printf("%" PRIu64 ", at most %" PRIu64 "; %" PRIu32 " connections want %" PRIu64 "\n", host->descriptors,
		     host->most_descriptors, doctor->settings.max_connections, wanted);
	if (host->most_descriptors < wanted) {
		(void)printf("! too few: raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE=) or lower max_connections\n");
		doctor->is_unfit = true;
	}
}

/* ---- model ---- */

static enum rk_status open_model(struct doctor *doctor, struct rk_error *reterr)
{
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	uint64_t number;
	struct rk_job_bench bench;
	rk_scan_guess(doctor->path, name, &number);
	const struct rk_version_options options = {
		.limits = {.max_candidates = doctor->limits.max_candidates, .max_events = doctor->limits.max_events},
		.tier = doctor->tier,
		.n_workers = doctor->settings.workers,
	};
	enum rk_status status = rk_version_open(&doctor->version, doctor->path, name, number, &options, reterr);
	if (status == RK_OK)
		status = rk_job_bench_open(&bench, &doctor->limits, doctor->settings.workers, reterr);
	if (status != RK_OK)
		return status;
	status = rk_golden_check(doctor->version, doctor->path, rk_job_bench_rank, &bench, reterr);
	if (status == RK_OK)
		status = rk_warmup_run(doctor->version, doctor->path, rk_job_bench_rank, &bench, reterr);
	rk_job_bench_close(&bench);
	if (status == RK_OK)
		rk_footprint_predict(&doctor->settings, doctor->version, true, &doctor->footprint);
	return status;
}

static void print_model(const struct doctor *doctor)
{
	const struct rk_load_report *report = &doctor->version->report;
	print_label("model");
	(void)printf("%s/%" PRIu64 ", ", doctor->version->name, doctor->version->number);
	if (report->n_golden > 0)
		(void)printf("golden: %" PRIu32 " requests agree, max error %.1e\n", report->n_golden,
			     report->parity_max_error);
	else
		(void)printf("no golden.jsonl: nothing says that it computes what its training did\n");
}

static void print_memory(struct doctor *doctor)
{
	const struct rk_host *host = &doctor->host;
	print_label("memory");
	rk_footprint_print(&doctor->footprint, &doctor->settings);
	/* a reload holds the new version beside the old one */
	uint64_t most = doctor->footprint.total + doctor->footprint.weights + doctor->footprint.scratches;
	print_label("");
	(void)printf("%.1f MiB, %.1f MiB during a reload; ", mib(doctor->footprint.total), mib(most));
	if (host->memory_limit_bytes > 0)
		(void)printf("the control group allows %.1f MiB, ", mib(host->memory_limit_bytes));
	(void)printf("%.1f MiB are available\n", mib(host->memory_available_bytes));
	if (host->memory_limit_bytes > 0 && host->memory_limit_bytes < most) {
		(void)printf("! the control group allows too little for %s\n",
			     host->memory_limit_bytes < doctor->footprint.total ? "serving" : "a reload");
		doctor->is_unfit = true;
	}
}

static enum rk_status print_capacity(const struct doctor *doctor, struct rk_error *reterr)
{
	struct rk_selfbench_result result;
	uint32_t n = doctor->settings.workers;
	enum rk_status status =
		rk_selfbench_run(doctor->version, doctor->path, &doctor->limits, n, bench_s, &result, reterr);
	if (status != RK_OK)
		return status;
	print_label("capacity");
	if (result.n_bodies == 0) {
		(void)printf("not measured: the folder has no warmup.jsonl\n");
		return RK_OK;
	}
	(void)printf("%.0f requests/s by %" PRIu32
		     " workers, %.0f µs each, like those of warmup.jsonl (%.0f candidates)\n",
		     result.requests_per_s, n, result.mean_us, result.mean_candidates);
	print_label("");
	(void)printf("ranked in this process for %.0f s; HTTP takes %s\n", bench_s,
		     n < doctor->host.n_usable_cores ? "a core beside them" : "its share of the same cores");
	if (n > doctor->host.n_usable_cores) {
		print_label("");
		(void)printf("more workers than cores: fewer would wait less\n");
	}
	return RK_OK;
}

/* ---- command ---- */

/* The settings that the server would have: the flags are its own. */
static enum rk_status load_settings(struct doctor *doctor, const struct rk_cli_values *values, struct rk_error *reterr)
{
	char *words[2 * N_FLAGS];
	int n = 0;
	enum rk_settings_request request;
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (values->flags[i] == NULL)
			continue;
		words[n++] = (char *)(uintptr_t)flags[i].name; /* read only */
		words[n++] = (char *)(uintptr_t)values->flags[i];
	}
	enum rk_status status = rk_settings_load(n, words, environ, &doctor->settings, &request, reterr);
	if (status != RK_OK)
		return status;
	doctor->limits = (struct rk_request_limits){.max_candidates = doctor->settings.max_candidates,
						    .max_events = doctor->settings.max_history_events,
						    .max_body_bytes = doctor->settings.max_body_bytes};
	status = rk_cpu_choose(doctor->settings.cpu, &doctor->tier, reterr);
	return status == RK_OK ? RK_OK : rk_error_prefix(reterr, status, "cpu");
}

int rk_cmd_doctor(int argc, char **argv)
{
	static struct doctor doctor; /* large */
	struct rk_cli_values values;
	struct rk_error error = {.status = RK_OK};
	int code = rk_cli_read(&rk_cli_doctor, argc, argv, &values);
	if (code != RK_CLI_GO_ON)
		return code;
	doctor.path = values.operand;
	if (load_settings(&doctor, &values, &error) != RK_OK) {
		(void)fprintf(stderr, "rankd doctor: %s\n", error.message);
		return RK_CLI_WRONG;
	}
	rk_cpu_flush_denormals();
	rk_host_read(&doctor.host);
	enum rk_status status = open_model(&doctor, &error); /* first, so that nothing else is in the prediction */
	print_machine(&doctor);
	print_sandbox(&doctor);
	print_descriptors(&doctor);
	if (status == RK_OK) {
		print_model(&doctor);
		print_memory(&doctor);
		(void)fflush(stdout);
		status = print_capacity(&doctor, &error);
	}
	rk_version_close(doctor.version);
	(void)fflush(stdout);
	if (status == RK_OK)
		return doctor.is_unfit ? EXIT_UNFIT : 0;
	(void)fprintf(stderr, "rankd doctor: %s: %s\n", doctor.path, error.message);
	return EXIT_UNFIT;
}
