#include "model/feature.h"

#include <criterion/criterion.h>
#include <math.h>

static const int64_t integers[] = {INT64_MIN, -3, 7, 8, INT64_MAX};
static const uint32_t integer_rows[] = {5, 1, 3, 2, 4};
static const struct rk_bytes strings[] = {{"", 0}, {"7", 1}, {"hot", 3}, {"hotter", 6}};
static const uint32_t string_rows[] = {9, 6, 8, 7};
static const struct rk_feature_config categorical = {
	.name = {"channel", 7},
	.type = RK_FEATURE_CATEGORICAL,
	.dim = 2,
	.n_values = 9,
	.n_integers = 5,
	.n_strings = 4,
	.integers = integers,
	.integer_rows = integer_rows,
	.strings = strings,
	.string_rows = string_rows,
};

Test(feature, integers_and_strings_are_different_values)
{
	for (size_t i = 0; i < 5; i++)
		cr_assert_eq(rk_feature_row_of_integer(&categorical, integers[i]), integer_rows[i]);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(rk_feature_row_of_string(&categorical, strings[i]), string_rows[i]);
}

Test(feature, unlisted_values_are_row_0)
{
	const int64_t others[] = {INT64_MIN + 1, -4, 0, 6, 9, INT64_MAX - 1};
	const char *const texts[] = {"8", "ho", "hotte", "hotterr", "zz", " "};
	for (size_t i = 0; i < 6; i++) {
		cr_assert_eq(rk_feature_row_of_integer(&categorical, others[i]), 0);
		cr_assert_eq(rk_feature_row_of_string(&categorical, rk_bytes_of(texts[i])), 0, "%s", texts[i]);
	}
	struct rk_feature_config empty = {.type = RK_FEATURE_CATEGORICAL, .dim = 1};
	cr_assert_eq(rk_feature_row_of_integer(&empty, 0), 0);
	cr_assert_eq(rk_feature_row_of_string(&empty, rk_bytes_of("")), 0);
}

Test(feature, normalises_in_double)
{
	struct rk_feature_config plain = {.mean = 4.0, .std = 2.0};
	struct rk_feature_config logarithmic = {.mean = 3.0, .std = 1.5, .log1p = true};
	cr_assert(rk_feature_normalise(&plain, 10.0) == 3.0F);
	cr_assert(rk_feature_normalise(&plain, 0.0) == -2.0F);
	cr_assert(rk_feature_normalise(&logarithmic, 0.0) == -2.0F);
	cr_assert_float_eq(rk_feature_normalise(&logarithmic, 53.835), 0.669552F, 1e-6F);
	cr_assert_float_eq(rk_feature_normalise(&logarithmic, -0.5), -2.462098F, 1e-6F);
	/* 1 + x would lose x entirely */
	struct rk_feature_config unit = {.std = 1e-20, .log1p = true};
	cr_assert_float_eq(rk_feature_normalise(&unit, 1e-20), 1.0F, 1e-6F);
}

Test(feature, find_by_name)
{
	const struct rk_feature_config two[] = {{.name = {"hour", 4}}, {.name = {"hours", 5}}};
	struct rk_features_config features = {.n = 2, .features = two};
	cr_assert_eq(rk_feature_find(&features, rk_bytes_of("hour")), 0);
	cr_assert_eq(rk_feature_find(&features, rk_bytes_of("hours")), 1);
	cr_assert_eq(rk_feature_find(&features, rk_bytes_of("hou")), -1);
	cr_assert_eq(rk_feature_find(&features, rk_bytes_of("")), -1);
	features.n = 0;
	cr_assert_eq(rk_feature_find(&features, rk_bytes_of("hour")), -1);
}

Test(feature, expands_in_order)
{
	struct rk_feature_config three[] = {{.type = RK_FEATURE_NUMERIC}, categorical, {.type = RK_FEATURE_NUMERIC}};
	struct rk_features_config features = {.n = 3, .features = three, .width = 4};
	float table[20];
	for (int i = 0; i < 20; i++)
		table[i] = (float)i;
	const float *const tables[] = {NULL, table, NULL};
	const union rk_feature_value values[] = {{.number = -1.5F}, {.row = 9}, {.number = 2.5F}};
	const float expected[] = {-1.5F, 18.0F, 19.0F, 2.5F, 77.0F};
	float columns[5] = {77.0F, 77.0F, 77.0F, 77.0F, 77.0F};
	rk_features_expand(&features, tables, values, columns);
	cr_assert_arr_eq(columns, expected, sizeof(expected), "also: nothing behind the last column is written");
	cr_assert_eq(rk_feature_width(&three[0]), 1);
	cr_assert_eq(rk_feature_width(&three[1]), 2);
}
