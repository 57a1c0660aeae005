#include "bench/model/options.h"

#include <criterion/criterion.h>
#include <string.h>

static enum rk_status parse(const char *line, struct rk_model_bench_options *options, struct rk_error *error)
{
	static char text[1024];
	char *words[64];
	int n = 0;
	cr_assert_lt(strlen(line), sizeof(text));
	strcpy(text, line);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		words[n++] = word;
	return rk_model_bench_options_parse(n, words, options, error);
}

Test(model_bench_options, has_defaults)
{
	struct rk_model_bench_options options;
	cr_assert_eq(parse("models/m/1", &options, NULL), RK_OK);
	cr_assert_str_eq(options.model, "models/m/1");
	cr_assert_null(options.bodies);
	cr_assert_null(options.json);
	cr_assert_null(options.replies);
	cr_assert_eq(options.n_sizes, 1);
	cr_assert_eq(options.sizes[0], 0);
	cr_assert_str_eq(options.cpu, "auto");
	cr_assert_eq(options.repeat, 7);
	cr_assert_eq(options.core, -1);
	cr_assert_not(options.help);
}

Test(model_bench_options, takes_every_flag_in_both_forms)
{
	struct rk_model_bench_options options;
	cr_assert_eq(
		parse("--bodies b --candidates=1,65536,7 --cpu avx2 --repeat=100 --seconds 0.5 dir --core 0 --json=j "
		      "--replies r",
		      &options, NULL),
		RK_OK);
	cr_assert_str_eq(options.model, "dir");
	cr_assert_str_eq(options.bodies, "b");
	cr_assert_eq(options.n_sizes, 3);
	cr_assert_eq(options.sizes[0], 1);
	cr_assert_eq(options.sizes[1], 65536);
	cr_assert_eq(options.sizes[2], 7);
	cr_assert_str_eq(options.cpu, "avx2");
	cr_assert_eq(options.repeat, 100);
	cr_assert_float_eq(options.seconds, 0.5, 0);
	cr_assert_eq(options.core, 0);
	cr_assert_str_eq(options.json, "j");
	cr_assert_str_eq(options.replies, "r");
}

Test(model_bench_options, the_last_candidates_count)
{
	struct rk_model_bench_options options;
	cr_assert_eq(parse("dir --candidates 1,2,3 --candidates 9", &options, NULL), RK_OK);
	cr_assert_eq(options.n_sizes, 1);
	cr_assert_eq(options.sizes[0], 9);
}

Test(model_bench_options, help_needs_nothing_else)
{
	struct rk_model_bench_options options;
	cr_assert_eq(parse("--nonsense --help", &options, NULL), RK_OK);
	cr_assert(options.help);
}

Test(model_bench_options, says_what_is_wrong)
{
	static const struct {
		const char *line, *word;
	} cases[] = {
		{"", "folder"},
		{"--repeat 3", "folder"},
		{"one two", "two"},
		{"dir --nonsense 1", "--nonsense"},
		{"dir --repeat", "--repeat"},
		{"dir --repeat=", "--repeat"},
		{"dir --repeat 0", "--repeat"},
		{"dir --repeat 101", "101"},
		{"dir --repeat 1.5", "whole"},
		{"dir --repeat -1", "whole"},
		{"dir --seconds 0", "--seconds"},
		{"dir --seconds 61", "61"},
		{"dir --seconds nan", "nan"},
		{"dir --seconds 1x", "1x"},
		{"dir --candidates 0", "--candidates"},
		{"dir --candidates 65537", "65537"},
		{"dir --candidates 1,,2", "--candidates"},
		{"dir --candidates 1,", "--candidates"},
		{"dir --candidates 10000000000000000000000000000001", "--candidates"},
		{"dir --candidates 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "at most 16"},
		{"dir --core x", "--core"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rk_error error = {.status = RK_OK};
		struct rk_model_bench_options options = {.repeat = 42};
		cr_expect_eq(parse(cases[i].line, &options, &error), RK_INVALID, "%s", cases[i].line);
		cr_expect_not_null(strstr(error.message, cases[i].word), "%s: %s", cases[i].line, error.message);
		cr_expect_eq(options.repeat, 42, "%s: the options were written", cases[i].line);
	}
}
