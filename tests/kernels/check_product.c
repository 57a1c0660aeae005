/*
 * Bounds: a sum of n products in float, in any order, errs by at most about n · 2⁻²⁴ · Σ |w x| (Higham, "Accuracy and
 * Stability of Numerical Algorithms", 3.1); two roundings a step where the tier has no fused multiply-add.
 */
#include "tests/kernels/harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct problem {
	struct rk_product product;
	float *x, *y;
	uint32_t n_lanes;
};

static size_t groups(uint32_t n_out)
{
	return (n_out + RK_PACK - 1) / RK_PACK;
}

static struct problem make(uint32_t n_in, uint32_t n_out, uint32_t n_lanes, bool with_bias)
{
	struct problem p = {.n_lanes = n_lanes};
	float *weights = guarded_floats(groups(n_out) * RK_PACK * n_in);
	float *bias = with_bias ? guarded_floats(n_out) : NULL;
	p.x = guarded_floats((size_t)n_in * RK_PANEL);
	p.y = guarded_floats((size_t)n_out * RK_PANEL);
	random_floats(weights, groups(n_out) * RK_PACK * n_in, -1.0F, 1.0F);
	random_floats(p.x, (size_t)n_in * RK_PANEL, -2.0F, 2.0F);
	if (with_bias)
		random_floats(bias, n_out, -1.0F, 1.0F);
	p.product = (struct rk_product){.weights = weights,
					.step_stride = RK_PACK,
					.group_stride = (size_t)RK_PACK * n_in,
					.bias = bias,
					.n_in = n_in,
					.n_out = n_out};
	return p;
}

static double oracle(const struct problem *p, uint32_t m, uint32_t lane, double *ret_bound)
{
	double sum = p->product.bias == NULL ? 0.0 : (double)p->product.bias[m], size = fabs(sum);
	for (uint32_t k = 0; k < p->product.n_in; k++) {
		double w = (double)p->product.weights[m / RK_PACK * p->product.group_stride +
						      k * p->product.step_stride + m % RK_PACK];
		double x = (double)p->x[k * RK_PANEL + lane];
		sum += w * x;
		size += fabs(w * x);
	}
	*ret_bound = (p->product.n_in + 2) * 0x1p-23 * size + 1e-30;
	return sum;
}

static void compare(const struct problem *p, const char *what)
{
	for (uint32_t m = 0; m < p->product.n_out; m++)
		for (uint32_t lane = 0; lane < p->n_lanes; lane++) {
			double bound, expected = oracle(p, m, lane, &bound);
			expect_near((double)p->y[m * RK_PANEL + lane], expected, bound, what, m * RK_PANEL + lane);
		}
}

static void check_shapes(const struct tier *tier)
{
	for (uint32_t n_out = 1; n_out <= 19; n_out++)
		for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes += n_lanes < 18 ? 1 : 5) {
			struct problem p = make(1 + random_below(40), n_out, n_lanes, n_out % 2 == 0);
			tier->kernels->product(&p.product, p.x, n_lanes, p.y);
			compare(&p, "y");
			guarded_free();
		}
	report(tier, "product: all tails");
}

/* A lane's bits do not depend on its place, its neighbours, or the number of outputs. */
static void check_independence(const struct tier *tier)
{
	struct problem p = make(67, 21, RK_PANEL, true);
	tier->kernels->product(&p.product, p.x, RK_PANEL, p.y);
	float *one = guarded_floats((size_t)p.product.n_in * RK_PANEL);
	float *y = guarded_floats((size_t)p.product.n_out * RK_PANEL);
	for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
		uint32_t place = random_below(RK_PANEL), n_lanes = place + 1 + random_below(RK_PANEL - place);
		random_floats(one, (size_t)p.product.n_in * RK_PANEL, -9.0F, 9.0F);
		for (uint32_t k = 0; k < p.product.n_in; k++)
			one[k * RK_PANEL + place] = p.x[k * RK_PANEL + lane];
		struct rk_product fewer = p.product;
		fewer.n_out = 1 + random_below(p.product.n_out);
		tier->kernels->product(&fewer, one, n_lanes, y);
		for (uint32_t m = 0; m < fewer.n_out; m++)
			expect_same_bits(y[m * RK_PANEL + place], p.y[m * RK_PANEL + lane], "lane", lane);
	}
	report(tier, "product: a lane's bits are its own");
}

static void check_activated(const struct tier *tier)
{
	for (int activation = 0; activation < 4; activation++) {
		struct problem p = make(33, 13, 37, true);
		tier->kernels->product(&p.product, p.x, p.n_lanes, p.y);
		tier->kernels->activate[activation](p.y, p.product.n_out, p.n_lanes);
		float *fused = guarded_floats((size_t)p.product.n_out * RK_PANEL);
		tier->kernels->product_activate[activation](&p.product, p.x, p.n_lanes, fused);
		for (uint32_t m = 0; m < p.product.n_out; m++)
			for (uint32_t lane = 0; lane < p.n_lanes; lane++)
				expect_same_bits(fused[m * RK_PANEL + lane], p.y[m * RK_PANEL + lane], "y", m);
	}
	report(tier, "product with activation: the bits of product, then activation");
}

static void check_packed(const struct tier *tier)
{
	for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes++) {
		struct problem p = make(16, 11, n_lanes, false);
		size_t group_stride = (size_t)RK_PACK * (p.product.n_out + 3);
		float *packed = guarded_floats(groups(n_lanes) * group_stride);
		tier->kernels->product(&p.product, p.x, n_lanes, p.y);
		tier->kernels->product_pack(&p.product, p.x, n_lanes, group_stride, packed);
		for (uint32_t m = 0; m < p.product.n_out; m++)
			for (uint32_t lane = 0; lane < n_lanes; lane++)
				expect_same_bits(packed[lane / RK_PACK * group_stride + m * RK_PACK + lane % RK_PACK],
						 p.y[m * RK_PANEL + lane], "packed", lane);
		for (uint32_t m = p.product.n_out; m < p.product.n_out + 3; m++)
			expect_near((double)packed[m * RK_PACK], (double)NAN, 0.0, "behind the columns", m);
		guarded_free();
	}
	report(tier, "product as packed weights");
}

/* A panel whose lanes are outputs serves as weights, and a vector as those of one output. */
static void check_strides(const struct tier *tier)
{
	struct problem p = make(29, 30, 48, false);
	float *panel = guarded_floats((size_t)p.product.n_in * RK_PANEL);
	random_floats(panel, (size_t)p.product.n_in * RK_PANEL, -1.0F, 1.0F);
	p.product.weights = panel;
	p.product.step_stride = RK_PANEL;
	p.product.group_stride = RK_PACK;
	tier->kernels->product(&p.product, p.x, p.n_lanes, p.y);
	compare(&p, "panel as weights");
	float *vector = guarded_floats(p.product.n_in);
	random_floats(vector, p.product.n_in, -1.0F, 1.0F);
	p.product = (struct rk_product){.weights = vector, .step_stride = 1, .n_in = p.product.n_in, .n_out = 1};
	tier->kernels->product(&p.product, p.x, p.n_lanes, p.y);
	compare(&p, "vector as weights");
	report(tier, "product: panels and vectors as weights");
}

static const struct rk_kernels *benched;

static void call_product(void *context)
{
	struct problem *p = context;
	benched->product(&p->product, p->x, p->n_lanes, p->y);
}

static void call_gelu(void *context)
{
	struct problem *p = context;
	benched->product_activate[RK_ACTIVATION_GELU](&p->product, p->x, p->n_lanes, p->y);
}

static void bench_shapes(const struct tier *tier)
{
	static const uint32_t shapes[][3] = {{204, 256, 48}, {134, 256, 48}, {256, 128, 48}, {128, 6, 48},
					     {64, 64, 48},   {64, 256, 48},  {64, 50, 48},   {204, 256, 32},
					     {204, 256, 16}, {64, 1, 48}};
	benched = tier->kernels;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct problem p = make(shapes[i][0], shapes[i][1], shapes[i][2], true);
		double work = 2.0 * shapes[i][0] * shapes[i][1] * shapes[i][2];
		char what[64];
		(void)snprintf(what, sizeof(what), "product %u x %u x %u", shapes[i][0], shapes[i][1], shapes[i][2]);
		bench(tier, what, call_product, &p, work);
		(void)snprintf(what, sizeof(what), "product+gelu %u x %u x %u", shapes[i][0], shapes[i][1],
			       shapes[i][2]);
		bench(tier, what, call_gelu, &p, work);
		guarded_free();
	}
}

void check_product(const struct tier *tier)
{
	if (tier->bench) {
		bench_shapes(tier);
		return;
	}
	check_shapes(tier);
	check_independence(tier);
	check_activated(tier);
	check_packed(tier);
	check_strides(tier);
}
