#include "model/base/check.h"

#include <stdio.h>
#include <stdlib.h>

void rk_assert_fail(const char *condition, const char *file, int line)
{
	(void)fprintf(stderr, "rankd: assertion failed: %s (%s:%d)\n", condition, file, line);
	abort();
}
