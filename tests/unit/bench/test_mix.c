#include "bench/load/mix.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

Test(load_mix, dlrm_v2_has_the_published_shares)
{
	struct rk_load_mix mix;
	cr_assert_eq(rk_load_mix_parse("dlrm-v2", &mix, NULL), RK_OK);
	cr_assert_str_eq(rk_load_mix_name(&mix), "dlrm-v2");
	const double shares[8] = {0, 0.1, 0.6, 0.1, 0.05, 0.05, 0.05, 0.05};
	const int n = 100000;
	int counts[8] = {0};
	double sum = 0;
	struct rk_load_random random = {.state = 1};
	for (int i = 0; i < n; i++) {
		const uint32_t draw = rk_load_mix_draw(&mix, &random);
		cr_assert(draw % 100 == 0 && draw >= 100 && draw <= 700);
		counts[draw / 100]++;
		sum += draw;
	}
	for (int k = 0; k < 8; k++)
		cr_assert_float_eq(counts[k] / (double)n, shares[k], 5 * sqrt(0.25 / n), "%d00: %d", k, counts[k]);
	cr_assert_float_eq(sum / n, 270, 5 * 155 / sqrt(n));
}

Test(load_mix, fixed_and_own_draw_nothing)
{
	struct rk_load_random random = {.state = 1};
	const struct rk_load_mix fixed = {.kind = RK_LOAD_MIX_FIXED, .n = 33};
	const struct rk_load_mix own = {.kind = RK_LOAD_MIX_OWN};
	cr_assert_eq(rk_load_mix_draw(&fixed, &random), 33);
	cr_assert_eq(rk_load_mix_draw(&own, &random), 0);
	cr_assert_eq(random.state, 1);
	cr_assert_str_eq(rk_load_mix_name(&fixed), "fixed");
	cr_assert_str_eq(rk_load_mix_name(&own), "own");
}

Test(load_mix, names_what_it_knows)
{
	struct rk_load_mix mix;
	struct rk_error error;
	cr_assert_eq(rk_load_mix_parse("dlrm", &mix, &error), RK_INVALID);
	cr_assert_not_null(strstr(error.message, "dlrm-v2, found dlrm"));
}
