#include "tests/kernels/harness.h"

#include <math.h>

static void compare_lane(const float *x, const float *y, const struct rk_norm *norm, uint32_t n_rows, uint32_t lane)
{
	double mean = 0.0, variance = 0.0, size = 0.0;
	for (uint32_t row = 0; row < n_rows; row++) {
		mean += (double)x[row * RK_PANEL + lane] / n_rows;
		size = fmax(size, fabs((double)x[row * RK_PANEL + lane]));
	}
	for (uint32_t row = 0; row < n_rows; row++)
		variance += pow((double)x[row * RK_PANEL + lane] - mean, 2.0) / n_rows;
	double deviation = sqrt(variance + (double)norm->eps);
	for (uint32_t row = 0; row < n_rows; row++) {
		double weight = (double)norm->weight[row];
		double expected =
			((double)x[row * RK_PANEL + lane] - mean) / deviation * weight + (double)norm->bias[row];
		double bound = 1e-6 * fmax(1.0, size / deviation) * fmax(1.0, fabs(weight));
		expect_near((double)y[row * RK_PANEL + lane], expected, bound, "y", row * RK_PANEL + lane);
	}
}

static void check_shapes(const struct tier *tier, float offset)
{
	for (uint32_t n_rows = 1; n_rows <= 65; n_rows += 4)
		for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes += 1 + random_below(5)) {
			float *weight = guarded_floats(n_rows), *bias = guarded_floats(n_rows);
			float *x = guarded_floats((size_t)n_rows * RK_PANEL);
			float *y = guarded_floats((size_t)n_rows * RK_PANEL);
			random_floats(weight, n_rows, -2.0F, 2.0F);
			random_floats(bias, n_rows, -1.0F, 1.0F);
			random_floats(x, (size_t)n_rows * RK_PANEL, offset - 3.0F, offset + 3.0F);
			const struct rk_norm norm = {weight, bias, 1e-5F};
			tier->kernels->layer_norm(x, &norm, n_rows, n_lanes, y);
			for (uint32_t lane = 0; lane < n_lanes; lane++)
				compare_lane(x, y, &norm, n_rows, lane);
			tier->kernels->layer_norm(x, &norm, n_rows, n_lanes, x);
			for (uint32_t lane = 0; lane < n_lanes; lane++)
				expect_same_bits(x[(n_rows - 1) * RK_PANEL + lane], y[(n_rows - 1) * RK_PANEL + lane],
						 "in place", lane);
			guarded_free();
		}
}

struct rows {
	const struct rk_kernels *kernels;
	struct rk_norm norm;
	float *x, *y;
};

static void call(void *context)
{
	struct rows *rows = context;
	rows->kernels->layer_norm(rows->x, &rows->norm, 64, RK_PANEL, rows->y);
}

void check_norm(const struct tier *tier)
{
	if (tier->bench) {
		float *weight = guarded_floats(64), *x = guarded_floats(64 * RK_PANEL);
		random_floats(weight, 64, -2.0F, 2.0F);
		random_floats(x, 64 * RK_PANEL, -2.0F, 2.0F);
		struct rows rows = {tier->kernels, {weight, weight, 1e-5F}, x, guarded_floats(64 * RK_PANEL)};
		bench(tier, "layer_norm 64 rows", call, &rows, 64.0 * RK_PANEL);
		guarded_free();
		return;
	}
	check_shapes(tier, 0.0F);
	check_shapes(tier, 100.0F);
	report(tier, "layer_norm");
}
