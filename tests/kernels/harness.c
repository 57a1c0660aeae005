#include "tests/kernels/harness.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MAX_MAPPINGS = 256, MAX_TOLD = 5 };

static struct {
	void *base;
	size_t size;
} mappings[MAX_MAPPINGS];
static size_t n_mappings;
static uint64_t random_state = 0x9e3779b97f4a7c15U;
static unsigned n_tests, n_failed_tests, n_failures;

void *guarded_bytes(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (n + page - 1) / page * page;
	char *base = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED || n_mappings == MAX_MAPPINGS || mprotect(base + whole, page, PROT_NONE) != 0) {
		perror("guarded memory");
		exit(1);
	}
	mappings[n_mappings].base = base;
	mappings[n_mappings++].size = whole + page;
	memset(base, 0xff, whole);
	return base + whole - n;
}

float *guarded_floats(size_t n)
{
	return guarded_bytes(n * sizeof(float));
}

void guarded_free(void)
{
	while (n_mappings > 0) {
		n_mappings--;
		(void)munmap(mappings[n_mappings].base, mappings[n_mappings].size);
	}
}

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

float random_float(float low, float high)
{
	return low + (high - low) * ((float)(next_random() >> 40) * 0x1p-24F);
}

void random_floats(float *values, size_t n, float low, float high)
{
	for (size_t i = 0; i < n; i++)
		values[i] = random_float(low, high);
}

unsigned random_below(unsigned n)
{
	return (unsigned)(next_random() >> 33) % n;
}

void expect_near(double found, double expected, double bound, const char *what, size_t at)
{
	if ((isnan(found) && isnan(expected)) || fabs(found - expected) <= bound)
		return;
	if (n_failures++ < MAX_TOLD)
		printf("# %s[%zu]: expected %.9g ± %.3g, found %.9g\n", what, at, expected, bound, found);
}

void expect_same_bits(float found, float expected, const char *what, size_t at)
{
	if (memcmp(&found, &expected, sizeof(found)) == 0)
		return;
	if (n_failures++ < MAX_TOLD)
		printf("# %s[%zu]: expected the bits of %.9g, found %.9g\n", what, at, (double)expected, (double)found);
}

void report(const struct tier *tier, const char *what)
{
	printf("%s %u - %s %s\n", n_failures == 0 ? "ok" : "not ok", ++n_tests, tier->name, what);
	n_failed_tests += n_failures != 0;
	n_failures = 0;
	guarded_free();
}

static double now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void bench(const struct tier *tier, const char *what, void (*call)(void *context), void *context, double work)
{
	enum { N_ROUNDS = 15 };
	double best = (double)INFINITY;
	unsigned n_calls = 1;
	for (int round = 0; round < N_ROUNDS; round++) {
		double start = now_ns();
		for (unsigned i = 0; i < n_calls; i++)
			call(context);
		double taken = now_ns() - start;
		if (taken < 1e6) {
			n_calls *= 2;
			round--;
			continue;
		}
		best = fmin(best, taken / n_calls);
	}
	printf("%-7s %-32s %10.1f ns %8.2f G/s\n", tier->name, what, best, work / best);
}

static void call_peak(void *context)
{
	const struct tier *tier = context;
	float sum;
	(void)tier->kernels->peak(1000, &sum);
}

static void bench_peak(struct tier *tier)
{
	float sum;
	bench(tier, "peak of multiply-adds", call_peak, tier, tier->kernels->peak(1000, &sum));
}

static void check_tier(const char *name, const struct rk_kernels *kernels, bool with_bench)
{
	struct tier tier = {name, kernels, with_bench};
	if (with_bench)
		bench_peak(&tier);
	check_product(&tier);
	check_halves(&tier);
	check_digits(&tier);
	check_activation(&tier);
	check_softmax(&tier);
	check_norm(&tier);
	check_gather(&tier);
	check_elementwise(&tier);
}

/* AVX-512 with and without AVX-512-BF16 differ in the bfloat16 product alone. */
static void check_plain_avx512(bool with_bench)
{
	struct tier tier = {"avx512 without bf16", rk_kernels_plain_avx512(), with_bench};
	if (tier.kernels != NULL && tier.kernels != rk_kernels_of(RK_CPU_AVX512))
		check_halves(&tier);
}

int main(int argc, char **argv)
{
	bool with_bench = argc > 1 && strcmp(argv[1], "--bench") == 0;
	enum rk_cpu_tier best = rk_cpu_detect();
	for (int which = RK_CPU_SCALAR; which <= (int)best; which++)
		check_tier(rk_cpu_tier_name((enum rk_cpu_tier)which), rk_kernels_of((enum rk_cpu_tier)which),
			   with_bench);
	check_plain_avx512(with_bench);
	if (!with_bench)
		printf("1..%u\n", n_tests);
	return n_failed_tests == 0 ? 0 : 1;
}
