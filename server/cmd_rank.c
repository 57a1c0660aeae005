/* What a worker does with a slot, with a scratch of its own and without anybody who waits. */
#include "server/cmd_rank.h"

#include "loader/registry_scan.h"
#include "server/clock.h"
#include "server/job.h"
#include "server/settings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_REFUSED = 1, FLAG_CPU = 0 };

static const struct rk_cli_flag flags[] = {
	{"--cpu", "auto|scalar|avx2|avx512|amx", "kernels to use"},
};

const struct rk_cli_command rk_cli_rank = {
	.word = "rank",
	.operands = "MODEL_DIR",
	.help = "rank one request without a server: its body on standard input, the answer's on standard output",
	.flags = flags,
	.n_flags = sizeof(flags) / sizeof(flags[0]),
};

/* What one request takes, and what it leaves. */
struct desk {
	struct rk_request_limits limits;
	struct rk_version *version;
	struct rk_job_bench bench;
	struct rk_pages body, reply;
	struct rk_job job;
};

static enum rk_status open_desk(struct desk *desk, const char *path, enum rk_cpu_tier tier, struct rk_error *reterr)
{
	static struct rk_settings settings; /* large */
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	uint64_t number;
	rk_settings_default(&settings);
	rk_scan_guess(path, name, &number);
	desk->limits = (struct rk_request_limits){.max_candidates = settings.max_candidates,
						  .max_events = settings.max_history_events,
						  .max_body_bytes = settings.max_body_bytes};
	const struct rk_version_options options = {
		.limits = {.max_candidates = settings.max_candidates, .max_events = settings.max_history_events},
		.tier = tier,
	};
	enum rk_status status = rk_version_open(&desk->version, path, name, number, &options, reterr);
	if (status == RK_OK)
		status = rk_job_bench_open(&desk->bench, &desk->limits, 0, reterr); /* scratch 0 is the only one */
	if (status == RK_OK)
		status = rk_pages_open(&desk->body, desk->limits.max_body_bytes + 1, reterr);
	if (status == RK_OK)
		status = rk_pages_open(&desk->reply, rk_job_reply_bytes(&desk->limits, &desk->version->model.config),
				       reterr);
	return status;
}

static void close_desk(struct desk *desk)
{
	rk_pages_close(&desk->reply);
	rk_pages_close(&desk->body);
	rk_job_bench_close(&desk->bench);
	rk_version_close(desk->version);
}

/* Standard input to its end, or to one byte more than a body may have. */
static enum rk_status read_body(struct desk *desk, struct rk_error *reterr)
{
	size_t used = 0, most = desk->limits.max_body_bytes + 1;
	ssize_t n;
	do {
		n = read(STDIN_FILENO, (char *)desk->body.base + used, most - used);
		if (n < 0 && errno != EINTR)
			return rk_error_set(reterr, RK_IO, "standard input: %s", strerror(errno));
		used += n > 0 ? (size_t)n : 0;
	} while (n != 0 && used < most);
	desk->job.body = (struct rk_bytes){desk->body.base, used};
	return RK_OK;
}

static void rank(struct desk *desk)
{
	struct rk_job *job = &desk->job;
	job->budget_ms = (double)INFINITY;
	job->received_ns = rk_clock_ns();
	job->reply = desk->reply.base;
	job->reply_size = desk->reply.size;
	if (job->body.size <= desk->limits.max_body_bytes) {
		desk->bench.job.fixed_version = desk->version;
		rk_job_run(&desk->bench.job, job);
		return;
	}
	job->status = rk_problem_status(RK_PROBLEM_TOO_LARGE);
	job->reply_bytes = rk_problem_write(job->reply, job->reply_size, RK_PROBLEM_TOO_LARGE,
					    "the body is larger than this server takes", NULL, NULL, -1);
}

static enum rk_status write_answer(const struct rk_job *job, struct rk_error *reterr)
{
	bool is_written = fwrite(job->reply, 1, job->reply_bytes, stdout) == job->reply_bytes && fflush(stdout) == 0;
	return is_written ? RK_OK : rk_error_set(reterr, RK_IO, "standard output: %s", strerror(errno));
}

int rk_cmd_rank(int argc, char **argv)
{
	struct rk_cli_values values;
	struct rk_error error = {.status = RK_OK};
	struct desk desk = {.version = NULL};
	enum rk_cpu_tier tier;
	int code = rk_cli_read(&rk_cli_rank, argc, argv, &values);
	if (code != RK_CLI_GO_ON)
		return code;
	if (rk_cpu_choose(values.flags[FLAG_CPU] == NULL ? "auto" : values.flags[FLAG_CPU], &tier, &error) != RK_OK) {
		(void)fprintf(stderr, "rankd rank: --cpu: %s\n", error.message);
		return RK_CLI_WRONG;
	}
	rk_cpu_flush_denormals();
	enum rk_status status = open_desk(&desk, values.operand, tier, &error);
	if (status == RK_OK)
		status = read_body(&desk, &error);
	if (status == RK_OK) {
		rank(&desk);
		status = write_answer(&desk.job, &error);
	}
	close_desk(&desk);
	if (status == RK_OK)
		return desk.job.status == 200 ? 0 : EXIT_REFUSED;
	(void)fprintf(stderr, "rankd rank: %s: %s\n", values.operand, error.message);
	return EXIT_REFUSED;
}
