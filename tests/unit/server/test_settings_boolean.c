/* A boolean flag may stand alone; its value is true or false and nothing else. */
#include "server/settings.h"

#include <criterion/criterion.h>

static struct rk_settings settings;
static struct rk_error error;

static enum rk_status load(const char *first, const char *second, const char *third)
{
	static char *no_variables[] = {NULL};
	enum rk_settings_request request;
	char *words[3];
	int n = 0;
	const char *given[] = {first, second, third};
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]) && given[i] != NULL; i++)
		words[n++] = (char *)(uintptr_t)given[i];
	return rk_settings_load(n, words, no_variables, &settings, &request, &error);
}

Test(settings_boolean, with_and_without_a_value)
{
	cr_assert_eq(load("--record-bodies", NULL, NULL), RK_OK, "%s", error.message);
	cr_assert(settings.record_bodies);
	cr_assert_eq(load("--record-bodies", "--budget-ms", "7"), RK_OK, "%s", error.message);
	cr_assert(settings.record_bodies && settings.budget_ms == 7);
	cr_assert_eq(load("--record-bodies", "false", NULL), RK_OK, "%s", error.message);
	cr_assert_not(settings.record_bodies);
	cr_assert_eq(load("--record-bodies=true", NULL, NULL), RK_OK, "%s", error.message);
	cr_assert(settings.record_bodies);
}

Test(settings_boolean, what_is_no_boolean)
{
	static const char *const files[] = {"{\"record_bodies\":\"true\"}", "{\"record_bodies\":1}"};
	cr_assert_eq(load("--record-bodies=yes", NULL, NULL), RK_INVALID);
	cr_assert_eq(load("--record-bodies", "yes", NULL), RK_INVALID);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		cr_assert_eq(rk_settings_merge_file(&settings, "file", rk_bytes_of(files[i]), &error), RK_INVALID);
}
