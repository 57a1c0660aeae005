/* Ten lines of TAP for plain C programs: Criterion does not start under ThreadSanitizer. */
#ifndef RK_TESTS_STRESS_TAP_H
#define RK_TESTS_STRESS_TAP_H

#include <stdbool.h>
#include <stdio.h>

static unsigned tap_n, tap_failed;

static inline void tap_check(bool is_good, const char *what)
{
	tap_failed += !is_good;
	(void)printf("%sok %u - %s\n", is_good ? "" : "not ", ++tap_n, what);
}

static inline int tap_end(void)
{
	(void)printf("1..%u\n", tap_n);
	return tap_failed == 0 ? 0 : 1;
}

#endif
