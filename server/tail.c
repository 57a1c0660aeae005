/*
 * A ring of (instant, duration) and, to find a percentile in it without sorting, a histogram whose buckets are 1/64 of
 * a power of two wide.
 */
#include "server/tail.h"

#include "server/clock.h"

enum { SUB_BITS = 6, N_SUB = 1 << SUB_BITS, N_BUCKETS = (32 - SUB_BITS + 1) * N_SUB };

void rk_tail_add(struct rk_tail *tail, uint64_t now_ns, uint64_t duration_ns)
{
	uint64_t us = duration_ns / RK_NS_PER_US;
	uint64_t at_ms = (now_ns / RK_NS_PER_MS) & UINT32_MAX;
	uint64_t place = atomic_fetch_add_explicit(&tail->n, 1, memory_order_relaxed) % RK_TAIL_SAMPLES;
	uint64_t sample = at_ms << 32 | (us < UINT32_MAX ? us : UINT32_MAX);
	atomic_store_explicit(&tail->samples[place], sample, memory_order_relaxed);
}

static uint32_t bucket_of(uint32_t us)
{
	if (us < N_SUB)
		return us;
	uint32_t exponent = 31 - (uint32_t)__builtin_clz(us);
	return (exponent - SUB_BITS + 1) * N_SUB + (us >> (exponent - SUB_BITS)) - N_SUB;
}

/* Middle of the bucket. */
static double value_of(uint32_t bucket)
{
	if (bucket < N_SUB)
		return bucket;
	uint32_t shift = bucket / N_SUB - 1;
	return ((double)(N_SUB + bucket % N_SUB) + 0.5) * (double)(UINT64_C(1) << shift);
}

double rk_tail_p99_us(const struct rk_tail *tail, uint64_t from_ns, uint64_t to_ns)
{
	uint32_t counts[N_BUCKETS] = {0};
	uint32_t from_ms = (uint32_t)(from_ns / RK_NS_PER_MS), span_ms = (uint32_t)((to_ns - from_ns) / RK_NS_PER_MS);
	uint32_t n = 0;
	for (uint32_t i = 0; i < RK_TAIL_SAMPLES; i++) {
		uint64_t sample = atomic_load_explicit(&tail->samples[i], memory_order_relaxed);
		/* the difference of two instants is right even where their low 32 bits have wrapped */
		if (sample == 0 || (uint32_t)(sample >> 32) - from_ms >= span_ms)
			continue;
		counts[bucket_of((uint32_t)sample)]++;
		n++;
	}
	if (n < RK_TAIL_LEAST_SAMPLES)
		return -1;
	uint32_t above = 0, bucket = N_BUCKETS;
	while (bucket > 0 && above <= n / 100)
		above += counts[--bucket];
	return value_of(bucket);
}

static bool measure(struct rk_tail *tail, uint64_t now_ns)
{
	double after_us = rk_tail_p99_us(tail, tail->begin_ns, now_ns);
	bool is_known = tail->before_us >= 0 && after_us >= 0;
	if (is_known)
		atomic_store_explicit(&tail->delta_us, (int64_t)(after_us - tail->before_us), memory_order_relaxed);
	tail->begin_ns = tail->swap_ns = 0;
	return is_known;
}

void rk_tail_begin(struct rk_tail *tail, uint64_t now_ns)
{
	if (tail->swap_ns != 0)
		(void)measure(tail, now_ns);
	uint64_t window_ns = RK_TAIL_WINDOW_S * RK_NS_PER_S;
	tail->before_us = rk_tail_p99_us(tail, now_ns > window_ns ? now_ns - window_ns : 0, now_ns);
	tail->begin_ns = now_ns;
	tail->swap_ns = 0;
}

void rk_tail_swapped(struct rk_tail *tail, uint64_t now_ns)
{
	if (tail->begin_ns != 0)
		tail->swap_ns = now_ns;
}

void rk_tail_ended(struct rk_tail *tail)
{
	if (tail->swap_ns == 0)
		tail->begin_ns = 0;
}

uint64_t rk_tail_due_ns(const struct rk_tail *tail)
{
	return tail->swap_ns == 0 ? UINT64_MAX : tail->swap_ns + RK_TAIL_WINDOW_S * RK_NS_PER_S;
}

bool rk_tail_measure(struct rk_tail *tail, uint64_t now_ns)
{
	return now_ns >= rk_tail_due_ns(tail) && measure(tail, now_ns);
}

double rk_tail_delta_s(const struct rk_tail *tail)
{
	return (double)atomic_load_explicit(&tail->delta_us, memory_order_relaxed) * 1e-6;
}
