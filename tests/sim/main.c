/*
 *     sim [--first N] [--seeds N] [--progress]     that many seeds one after the other, from the first on
 *     sim --seed N [--trace]                       one, told event by event
 *
 * Prints TAP. The first seed that breaks an invariant is named, and ends the program; --seed repeats it.
 */
#include "tests/sim/world.h"

#include "model/base/check.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct world world;
static char models[64];

/* An assertion of the server's own code: it has said which, this says for what seed. */
static void tell_seed(int number)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "seed %" PRIu64 ": aborted\n", world.seed);
	(void)!write(STDERR_FILENO, text, (size_t)n);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void remove_models(void)
{
	static const char *const names[] = {"/a", "/b", ""};
	char path[80];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", models, names[i]);
		(void)rmdir(path);
	}
}

/* The registry learns the models' names from a folder; versions are made up. */
static void make_models(void)
{
	char path[80];
	(void)snprintf(models, sizeof(models), "/tmp/rankd-sim-XXXXXX");
	RK_ASSERT(mkdtemp(models) != NULL && atexit(remove_models) == 0);
	for (const char *name = "ab"; *name != '\0'; name++) {
		(void)snprintf(path, sizeof(path), "%s/%c", models, *name);
		RK_ASSERT(mkdir(path, 0700) == 0);
	}
}

static uint64_t number_after(int argc, char **argv, const char *flag, uint64_t fallback)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return strtoull(argv[i + 1], NULL, 10);
	return fallback;
}

static bool has_flag(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return true;
	return false;
}

static void run_seeds(uint64_t first, uint64_t n, bool tells_progress)
{
	uint64_t fates[GONE + 1] = {0}, n_begun = 0, n_reloads = 0, n_busy = 0;
	for (uint64_t seed = first; seed < first + n; seed++) {
		world_run(&world, seed, models, false);
		for (int fate = 0; fate <= GONE; fate++)
			fates[fate] += world.fates[fate];
		n_begun += world.n_begun;
		n_reloads += world.n_reloads;
		n_busy += world.n_busy;
		if (tells_progress && (seed - first + 1) % 10000 == 0)
			(void)fprintf(stderr, "%" PRIu64 " seeds\n", seed - first + 1);
	}
	(void)printf("# %" PRIu64 " requests: %" PRIu64 " ranked, %" PRIu64 " shed, %" PRIu64 " refused, %" PRIu64
		     " given up by their client; %" PRIu64 " reloads, %" PRIu64 " put off\n",
		     n_begun, fates[RANKED], fates[SHED], fates[REFUSED], fates[GONE], n_reloads, n_busy);
	/* a world in which nothing happens would prove nothing */
	bool is_alive = n < 100 || (fates[RANKED] > n && fates[SHED] > n / 2 && fates[REFUSED] > 0 && fates[GONE] > 0 &&
				    n_reloads > n / 2 && n_busy > 0);
	(void)printf("ok 1 - %" PRIu64 " seeds from %" PRIu64 "\n%sok 2 - everything happened\n1..2\n", n, first,
		     is_alive ? "" : "not ");
}

int main(int argc, char **argv)
{
	(void)signal(SIGABRT, tell_seed);
	(void)signal(SIGSEGV, tell_seed);
	make_models();
	uint64_t one = number_after(argc, argv, "--seed", UINT64_MAX);
	if (one == UINT64_MAX) {
		run_seeds(number_after(argc, argv, "--first", 1), number_after(argc, argv, "--seeds", 1000),
			  has_flag(argc, argv, "--progress"));
		return 0;
	}
	world_run(&world, one, models, has_flag(argc, argv, "--trace"));
	(void)printf("ok 1 - seed %" PRIu64 "\n1..1\n", one);
	return 0;
}
