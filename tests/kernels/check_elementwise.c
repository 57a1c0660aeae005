#include "tests/kernels/harness.h"

#include <math.h>
#include <string.h>

enum { N_ROWS = 5, N = N_ROWS * RK_PANEL };

static float *copy_of(const float *values)
{
	float *copy = guarded_floats(N);
	memcpy(copy, values, N * sizeof(float));
	return copy;
}

static void check_panels(const struct tier *tier, uint32_t n_lanes)
{
	float a[N], b[N], c[N];
	random_floats(a, N, -3.0F, 3.0F);
	random_floats(b, N, -3.0F, 3.0F);
	random_floats(c, N, -3.0F, 3.0F);
	float *added = copy_of(b), *scaled = guarded_floats(N), *crossed = copy_of(c), *mixed = copy_of(c);
	tier->kernels->add(copy_of(a), N_ROWS, n_lanes, added);
	tier->kernels->scale(copy_of(a), b, N_ROWS, n_lanes, scaled);
	tier->kernels->cross(copy_of(a), copy_of(b), N_ROWS, n_lanes, crossed);
	tier->kernels->mix(copy_of(a), copy_of(b), N_ROWS, n_lanes, mixed);
	for (uint32_t row = 0; row < N_ROWS; row++)
		for (uint32_t lane = 0; lane < n_lanes; lane++) {
			uint32_t at = row * RK_PANEL + lane;
			double x = (double)a[at], y = (double)b[at], z = (double)c[at];
			expect_near((double)added[at], x + y, 1e-6, "add", at);
			expect_near((double)scaled[at], x * (double)b[row], 2e-6, "scale", at);
			expect_near((double)crossed[at], x * y + z, 3e-6, "cross", at);
			expect_near((double)mixed[at], x * (double)b[lane] + z, 3e-6, "mix", at);
		}
	guarded_free();
}

static void check_blend(const struct tier *tier, size_t n)
{
	float *a = guarded_floats(n), *b = guarded_floats(n), *c = guarded_floats(n), *y = guarded_floats(n);
	random_floats(a, n, -3.0F, 3.0F);
	random_floats(b, n, -3.0F, 3.0F);
	random_floats(c, n, -3.0F, 3.0F);
	tier->kernels->blend(a, b, c, n, y);
	for (size_t i = 0; i < n; i++)
		expect_near((double)y[i], (double)a[i] + (double)b[i] * (double)c[i], 3e-6, "blend", i);
	guarded_free();
}

void check_elementwise(const struct tier *tier)
{
	if (tier->bench)
		return;
	for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes++)
		check_panels(tier, n_lanes);
	report(tier, "add, scale, cross, mix");
	for (size_t n = 0; n <= 70; n++)
		check_blend(tier, n);
	report(tier, "blend");
}
