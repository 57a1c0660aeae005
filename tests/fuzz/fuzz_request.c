/* Any bytes as a body of POST /rank on a golden model: an answer or a problem, never a crash, and an answer is JSON
 * that jansson accepts. */
#include "model/base/check.h"
#include "server/job.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

enum { MAX_BYTES = 1 << 14 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rk_version *version;
static struct rk_job_bench bench;

static void open_model(void)
{
	const char *folder = getenv("RANKD_FUZZ_MODEL");
	const struct rk_request_limits limits = {.max_candidates = 64, .max_events = 64, .max_body_bytes = MAX_BYTES};
	const struct rk_version_options options = {.limits = {.max_candidates = 64, .max_events = 64},
						   .tier = rk_cpu_detect()};
	struct rk_error error;
	if (folder == NULL)
		folder = GOLDEN_FOLDER "/sasrec_mlp/1";
	RK_ASSERT(rk_version_open(&version, folder, "fuzz", 1, &options, &error) == RK_OK);
	RK_ASSERT(rk_job_bench_open(&bench, &limits, 0, &error) == RK_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > MAX_BYTES)
		return 0;
	if (version == NULL)
		open_model();
	struct rk_bytes reply;
	struct rk_error error;
	if (rk_job_bench_rank(&bench, version, (struct rk_bytes){(const char *)data, size}, &reply, &error) != RK_OK)
		return 0;
	json_t *parsed = json_loadb(reply.data, reply.size, JSON_REJECT_DUPLICATES, NULL);
	RK_ASSERT(parsed != NULL);
	json_decref(parsed);
	return 0;
}
