/*
 * Golden parity through the library: every set of the folder given, on every kernel tier that this processor has and on
 * every scratch, must agree with what the training framework computed. Prints TAP.
 */
#include "server/job.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_WORKERS = 2, MAX_SETS = 64 };

static unsigned n_tests, n_failed;

static void report(bool is_good, const char *set, const char *tier, const char *detail)
{
	printf("%s %u - %s on %s: %s\n", is_good ? "ok" : "not ok", ++n_tests, set, tier, detail);
	n_failed += !is_good;
}

static bool check_on_worker(struct rk_version *version, const char *path, uint32_t worker, struct rk_error *error)
{
	struct rk_request_limits limits = {.max_candidates = 4096, .max_events = 1024, .max_body_bytes = 4 << 20};
	struct rk_job_bench bench;
	if (rk_job_bench_open(&bench, &limits, worker, error) != RK_OK)
		return false;
	bool is_good = rk_golden_check(version, path, rk_job_bench_rank, &bench, error) == RK_OK;
	rk_job_bench_close(&bench);
	return is_good;
}

static void check_set(const char *path, const char *set, enum rk_cpu_tier tier)
{
	struct rk_error error = {0};
	struct rk_version *version = NULL;
	struct rk_version_options options = {
		.limits = {.max_candidates = 4096, .max_events = 1024}, .tier = tier, .n_workers = N_WORKERS};
	bool is_good = rk_version_open(&version, path, set, 1, &options, &error) == RK_OK;
	for (uint32_t worker = 0; is_good && worker <= N_WORKERS; worker++)
		is_good = check_on_worker(version, path, worker, &error);
	char detail[128];
	if (is_good)
		(void)snprintf(detail, sizeof(detail), "%u requests, largest error %.2g", version->report.n_golden,
			       version->report.parity_max_error);
	is_good = is_good && version->report.n_golden > 0;
	report(is_good, set, rk_cpu_tier_name(tier), is_good ? detail : error.message);
	rk_version_close(version);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int main(int argc, char **argv)
{
	static char sets[MAX_SETS][256];
	size_t n_sets = 0;
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	if (folder == NULL) {
		(void)fprintf(stderr, "usage: check_golden FOLDER\n");
		return 2;
	}
	for (struct dirent *entry; (entry = readdir(folder)) != NULL && n_sets < MAX_SETS;)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			(void)snprintf(sets[n_sets++], sizeof(sets[0]), "%s", entry->d_name);
	(void)closedir(folder);
	qsort(sets, n_sets, sizeof(sets[0]), compare_names);
	for (size_t i = 0; i < n_sets; i++) {
		char path[4096];
		int n = snprintf(path, sizeof(path), "%s/%s/1", argv[1], sets[i]);
		if (n < 0 || (size_t)n >= sizeof(path))
			return 2;
		for (int tier = RK_CPU_SCALAR; tier <= (int)rk_cpu_detect(); tier++)
			check_set(path, sets[i], (enum rk_cpu_tier)tier);
	}
	printf("1..%u\n", n_tests);
	return n_failed == 0 && n_tests > 0 ? 0 : 1;
}
