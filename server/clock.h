/* The monotonic clock, and the processor's time: the only ones that measure anything here. */
#ifndef RK_SERVER_CLOCK_H
#define RK_SERVER_CLOCK_H

#include <stdint.h>
#include <time.h>

#define RK_NS_PER_S 1000000000ULL
#define RK_NS_PER_MS 1000000ULL
#define RK_NS_PER_US 1000ULL

static inline uint64_t rk_clock_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * RK_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Processor time of this thread. */
static inline uint64_t rk_clock_thread_ns(void)
{
	struct timespec used;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * RK_NS_PER_S + (uint64_t)used.tv_nsec;
}

static inline void rk_clock_sleep_ns(uint64_t duration_ns)
{
	struct timespec span = {.tv_sec = (time_t)(duration_ns / RK_NS_PER_S),
				.tv_nsec = (long)(duration_ns % RK_NS_PER_S)};
	(void)nanosleep(&span, NULL);
}

#endif
