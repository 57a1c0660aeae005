/*
 * Always-on assertions (also in release builds): a caller's bug stops the process at once,
 * with one line on standard error. Never used for input, limits or the environment.
 */
#ifndef RK_BASE_CHECK_H
#define RK_BASE_CHECK_H

#define RK_ASSERT(condition)                                                                                           \
	do {                                                                                                           \
		if (__builtin_expect(!(condition), 0))                                                                 \
			rk_assert_fail(#condition, __FILE__, __LINE__);                                                \
	} while (0)

/* Prints the failed condition and aborts. */
__attribute__((noreturn, cold)) void rk_assert_fail(const char *condition, const char *file, int line);

#endif
