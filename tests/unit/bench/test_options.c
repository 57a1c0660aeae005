#include "bench/load/options.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MAX_ARGUMENTS = 16 };

/* Splits `line` at its spaces, in place of a shell. */
static enum rk_status parse(const char *line, struct rk_load_options *ret_options, struct rk_error *reterr)
{
	static char text[512];
	char *arguments[MAX_ARGUMENTS];
	int n = 0;
	char *rest = NULL;
	cr_assert_lt(strlen(line), sizeof(text));
	(void)strcpy(text, line);
	for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		cr_assert_lt(n, MAX_ARGUMENTS);
		arguments[n++] = word;
	}
	return rk_load_options_parse(n, arguments, ret_options, reterr);
}

static void refuses(const char *line, const char *reason)
{
	struct rk_load_options options;
	struct rk_error error;
	cr_assert_eq(parse(line, &options, &error), RK_INVALID, "%s", line);
	cr_assert_not_null(strstr(error.message, reason), "%s: %s", line, error.message);
}

Test(load_options, has_defaults)
{
	struct rk_load_options options;
	cr_assert_eq(parse("--url http://x --bodies f --rate 1500", &options, NULL), RK_OK);
	cr_assert_str_eq(options.url, "http://x");
	cr_assert_str_eq(options.bodies, "f");
	cr_assert_eq(options.rate, 1500);
	cr_assert_eq(options.duration_s, 10);
	cr_assert_eq(options.warmup_s, 2);
	cr_assert_eq(options.connections, 64);
	cr_assert_eq(options.timeout_ms, 1000);
	cr_assert_eq(options.budget_ms, 0);
	cr_assert_eq(options.repeat, 1);
	cr_assert_eq(options.seed, 1);
	cr_assert_eq(options.process, RK_LOAD_POISSON);
	cr_assert_eq(options.mix.kind, RK_LOAD_MIX_OWN);
	cr_assert_not(options.allow_remote);
	cr_assert_null(options.json);
}

Test(load_options, takes_both_forms)
{
	struct rk_load_options options;
	cr_assert_eq(
		parse("--url=unix:/a=b --ids 5-90 --closed=7 --actions a,b --history 3 --warmup 0.5 --allow-remote",
		      &options, NULL),
		RK_OK);
	cr_assert_str_eq(options.url, "unix:/a=b");
	cr_assert_eq(options.id_low, 5);
	cr_assert_eq(options.id_high, 90);
	cr_assert_eq(options.connections, 7);
	cr_assert_eq(options.history, 3);
	cr_assert_eq(options.warmup_s, 0.5);
	cr_assert(options.allow_remote);
	cr_assert_eq(options.mix.kind, RK_LOAD_MIX_FIXED);
	cr_assert_eq(options.mix.n, 500, "made bodies have no number of their own");
	cr_assert_eq(parse("--url u --ids 1-2 --rate 1 --mix dlrm-v2 --constant", &options, NULL), RK_OK);
	cr_assert_eq(options.mix.kind, RK_LOAD_MIX_DLRM_V2);
	cr_assert_eq(options.process, RK_LOAD_CONSTANT);
}

Test(load_options, help_needs_nothing_else)
{
	struct rk_load_options options;
	cr_assert_eq(parse("--help", &options, NULL), RK_OK);
	cr_assert(options.help);
}

Test(load_options, refuses_wrong_values)
{
	refuses("--url u --bodies f --rate 1 --what 3", "unknown argument --what");
	refuses("--url u --bodies f --rate 1 rest", "unknown argument rest");
	refuses("--url u --bodies f --rate", "--rate: expected a value");
	refuses("--url u --bodies f --rate=", "--rate: expected a number");
	refuses("--url u --bodies f --rate 0", "from 0.01 to 1000000, found 0");
	refuses("--url u --bodies f --rate 1e7", "found 1e7");
	refuses("--url u --bodies f --rate nan", "found nan");
	refuses("--url u --bodies f --rate -5", "found -5");
	refuses("--url u --bodies f --rate 5x", "found 5x");
	refuses("--url u --bodies f --rate 5 --connections 2.5", "whole number from 1 to 4096, found 2.5");
	refuses("--url u --bodies f --rate 5 --connections 4097", "found 4097");
	refuses("--url u --bodies f --rate 5 --repeat 21", "--repeat");
	refuses("--url u --bodies f --rate 5 --candidates 0", "--candidates");
	refuses("--url u --bodies f --rate 5 --poisson=1", "--poisson: expected no value");
	refuses("--url u --bodies f --rate 5 --mix zipf", "--mix");
	refuses("--url u --ids 9-5 --rate 5", "--ids: expected LO-HI");
	refuses("--url u --ids 9 --rate 5", "--ids: expected LO-HI");
	refuses("--url u --ids 1-2x --rate 5", "--ids: expected LO-HI");
	refuses("--url u --ids 1--2 --rate 5", "--ids: expected LO-HI");
	refuses("--url u --ids 1-9223372036854775808 --rate 5", "--ids: expected LO-HI");
}

Test(load_options, refuses_what_does_not_go_together)
{
	refuses("--bodies f --rate 1", "--url");
	refuses("--url u --rate 1", "--bodies and --ids");
	refuses("--url u --rate 1 --bodies f --ids 1-2", "--bodies and --ids");
	refuses("--url u --bodies f", "--rate and --closed");
	refuses("--url u --bodies f --rate 1 --closed 1", "--rate and --closed");
	refuses("--url u --bodies f --rate 1 --poisson --constant", "--poisson and --constant");
	refuses("--url u --bodies f --closed 1 --constant", "--closed");
	refuses("--url u --bodies f --rate 1 --candidates 3 --mix dlrm-v2", "--candidates and --mix");
	refuses("--url u --bodies f --rate 1 --actions a", "--actions");
}
