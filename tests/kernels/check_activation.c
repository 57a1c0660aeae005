#include "tests/kernels/harness.h"

#include <math.h>

static double exact(int which, double x)
{
	static const double root = 0.79788456080286535588;
	switch (which) {
	case 0:
		return x > 0 ? x : 0;
	case 1:
		return 0.5 * x * erfc(-x * M_SQRT1_2);
	case 2:
		return 0.5 * x * (1 + tanh(root * (x + 0.044715 * x * x * x)));
	case 3:
		return x / (1 + exp(-x));
	case 4:
		return 1 / (1 + exp(-x));
	default:
		return tanh(x);
	}
}

static const struct {
	const char *name;
	double bound; /* |error| ≤ bound · max(1, |x|) */
} functions[] = {
	{"relu", 0.0}, {"gelu", 3e-7}, {"gelu_tanh", 4e-7}, {"silu", 3e-7}, {"sigmoid", 2e-7}, {"tanh", 4e-7},
};

static void apply(const struct tier *tier, int which, float *y, uint32_t n_rows, uint32_t n_lanes)
{
	if (which < 4)
		tier->kernels->activate[which](y, n_rows, n_lanes);
	else if (which == 4)
		tier->kernels->sigmoid(y, n_rows, n_lanes);
	else
		tier->kernels->tanh(y, n_rows, n_lanes);
}

static void check_function(const struct tier *tier, int which)
{
	static const float limits[] = {0.0F, 1.0F, 6.0F, 20.0F, 100.0F, 1e4F, 1e30F};
	for (size_t limit = 1; limit < sizeof(limits) / sizeof(limits[0]); limit++)
		for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes++) {
			float x[3 * RK_PANEL], *y = guarded_floats(3 * RK_PANEL);
			random_floats(x, 3 * RK_PANEL, -limits[limit], limits[limit]);
			for (int i = 0; i < 3 * RK_PANEL; i++)
				y[i] = x[i];
			apply(tier, which, y, 3, n_lanes);
			for (uint32_t i = 0; i < 3 * RK_PANEL; i++)
				if (i % RK_PANEL < n_lanes)
					expect_near((double)y[i], exact(which, (double)x[i]),
						    functions[which].bound * fmax(1.0, fabs((double)x[i])),
						    functions[which].name, i);
			guarded_free();
		}
	float *special = guarded_floats(RK_PANEL);
	random_floats(special, RK_PANEL, -1.0F, 1.0F);
	special[5] = NAN;
	special[6] = -0.0F;
	apply(tier, which, special, 1, RK_PANEL);
	expect_near((double)special[5], (double)NAN, 0.0, "NaN goes through", 5);
	expect_near((double)special[6], exact(which, 0.0), functions[which].bound, "zero", 6);
	report(tier, functions[which].name);
}

/* Far below zero the activations are 0 to the last digit that counts: what is left of it must not grow with |x|. */
static void check_flat(const struct tier *tier)
{
	float *y = guarded_floats(RK_PANEL);
	for (int which = 0; which < 4; which++) {
		for (int i = 0; i < RK_PANEL; i++)
			y[i] = -ldexpf(50.0F, i);
		apply(tier, which, y, 1, RK_PANEL);
		for (uint32_t i = 0; i < RK_PANEL; i++)
			expect_near((double)y[i], 0.0, 1e-12, functions[which].name, i);
	}
	report(tier, "activations: flat far below zero");
}

struct rows {
	const struct tier *tier;
	int which;
	float *y;
};

static void call(void *context)
{
	struct rows *rows = context;
	apply(rows->tier, rows->which, rows->y, 128, RK_PANEL);
}

void check_activation(const struct tier *tier)
{
	if (!tier->bench)
		check_flat(tier);
	for (int which = 0; which < 6; which++) {
		if (!tier->bench) {
			check_function(tier, which);
			continue;
		}
		struct rows rows = {tier, which, guarded_floats(128 * RK_PANEL)};
		random_floats(rows.y, 128 * RK_PANEL, -3.0F, 3.0F);
		bench(tier, functions[which].name, call, &rows, 128.0 * RK_PANEL);
		guarded_free();
	}
}
