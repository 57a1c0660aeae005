#include "tests/kernels/harness.h"

#include <math.h>
#include <string.h>

/* Compares one lane with softmax over its rows 0 … n_open − 1; the others must be 0. */
static void compare_lane(const float *x, const float *y, uint32_t n_rows, uint32_t n_open, uint32_t lane)
{
	double top = -(double)INFINITY, sum = 0.0;
	for (uint32_t row = 0; row < n_open; row++)
		top = fmax(top, (double)x[row * RK_PANEL + lane]);
	for (uint32_t row = 0; row < n_open; row++)
		sum += exp((double)x[row * RK_PANEL + lane] - top);
	for (uint32_t row = 0; row < n_rows; row++) {
		double expected = row < n_open ? exp((double)x[row * RK_PANEL + lane] - top) / sum : 0.0;
		/* x − top is rounded before the exponential */
		double bound = (1e-6 + 0x1p-24 * fabs((double)x[row * RK_PANEL + lane] - top)) * expected + 1e-30;
		expect_near((double)y[row * RK_PANEL + lane], expected, bound, "share", row);
	}
}

static void check_plain(const struct tier *tier, float size)
{
	for (uint32_t n_rows = 1; n_rows <= 70; n_rows += n_rows < 10 ? 1 : 12)
		for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes += 1 + random_below(6)) {
			float x[70 * RK_PANEL], *y = guarded_floats((size_t)n_rows * RK_PANEL);
			random_floats(x, 70 * RK_PANEL, -size, size);
			memcpy(y, x, (size_t)n_rows * RK_PANEL * sizeof(float));
			tier->kernels->softmax(y, n_rows, n_lanes);
			for (uint32_t lane = 0; lane < n_lanes; lane++)
				compare_lane(x, y, n_rows, n_rows, lane);
			guarded_free();
		}
	tier->kernels->softmax(NULL, 0, RK_PANEL);
}

static void check_causal(const struct tier *tier)
{
	for (uint32_t first = 0; first < 60; first += 1 + random_below(7)) {
		float x[120 * RK_PANEL], *y = guarded_floats((size_t)120 * RK_PANEL),
					 *places = guarded_floats(RK_PANEL);
		uint32_t n_lanes = 1 + random_below(RK_PANEL), place = first;
		for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
			places[lane] = (float)place;
			place += lane + 1 < n_lanes ? random_below(2) : 0;
		}
		uint32_t n_rows = (uint32_t)places[n_lanes - 1] + 1;
		random_floats(x, 120 * RK_PANEL, -4.0F, 4.0F);
		memcpy(y, x, sizeof(x));
		tier->kernels->softmax_causal(y, n_rows, places, n_lanes);
		for (uint32_t lane = 0; lane < n_lanes; lane++)
			compare_lane(x, y, n_rows, (uint32_t)places[lane] + 1, lane);
		guarded_free();
	}
}

struct rows {
	const struct rk_kernels *kernels;
	float *y;
};

static void call(void *context)
{
	struct rows *rows = context;
	rows->kernels->softmax(rows->y, 50, RK_PANEL);
}

void check_softmax(const struct tier *tier)
{
	if (tier->bench) {
		struct rows rows = {tier->kernels, guarded_floats(50 * RK_PANEL)};
		random_floats(rows.y, 50 * RK_PANEL, -3.0F, 3.0F);
		bench(tier, "softmax 50 rows", call, &rows, 50.0 * RK_PANEL);
		guarded_free();
		return;
	}
	check_plain(tier, 3.0F);
	check_plain(tier, 40.0F);
	report(tier, "softmax");
	check_causal(tier);
	report(tier, "softmax_causal");
	float *y = guarded_floats(2 * RK_PANEL);
	random_floats(y, 2 * RK_PANEL, -1.0F, 1.0F);
	y[3] = NAN;
	tier->kernels->softmax(y, 2, RK_PANEL);
	expect_near((double)y[RK_PANEL + 3], (double)NAN, 0.0, "NaN goes through", 3);
	report(tier, "softmax of NaN");
}
