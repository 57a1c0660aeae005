/* bfloat16: rounding by its definition, and products against the exact sum of the rounded operands. */
#include "tests/kernels/harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static float value_of(uint16_t half)
{
	uint32_t bits = (uint32_t)half << 16;
	float value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The nearer of the two neighbours, the even one in the middle. */
static uint16_t rounded(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	uint16_t below = (uint16_t)(bits >> 16);
	uint32_t rest = bits & 0xffffU;
	if (rest > 0x8000U || (rest == 0x8000U && (below & 1U) != 0))
		return (uint16_t)(below + 1U);
	return below;
}

static void expect_half(uint16_t found, float value, const char *what, size_t at)
{
	if (isnan(value))
		expect_near((double)value_of(found), (double)NAN, 0.0, what, at);
	else
		expect_same_bits(value_of(found), value_of(rounded(value)), what, at);
}

static void fill_hard(float *values, size_t n)
{
	random_floats(values, n, -3.0F, 3.0F);
	static const uint32_t hard[] = {0x3f808000U, 0x3f818000U, 0x3f807fffU, 0x3f808001U, 0x7f7fffffU, 0x7f800000U,
					0xff800000U, 0x7fc00000U, 0x7f800001U, 0x80000000U, 0x00800000U};
	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]) && i * 3 < n; i++)
		memcpy(&values[i * 3], &hard[i], sizeof(hard[i]));
}

static void check_rounding(const struct tier *tier)
{
	for (uint32_t n_rows = 1; n_rows <= 40; n_rows++) {
		uint32_t n_lanes = 1 + random_below(RK_PANEL), n_padded = rk_halves_padded(n_rows);
		float *x = guarded_floats((size_t)n_rows * RK_PANEL);
		uint32_t *pairs = guarded_bytes((size_t)n_padded / 2 * RK_PANEL * sizeof(*pairs));
		fill_hard(x, (size_t)n_rows * RK_PANEL);
		tier->kernels->pairs(x, n_rows, n_lanes, pairs);
		for (uint32_t row = 0; row < n_padded; row++)
			for (uint32_t lane = 0; lane < n_lanes; lane++) {
				uint32_t pair = pairs[row / 2 * RK_PANEL + lane];
				expect_half((uint16_t)(row % 2 == 0 ? pair : pair >> 16),
					    row < n_rows ? x[row * RK_PANEL + lane] : 0.0F, "pair", row);
			}
		uint16_t *halves = guarded_bytes(n_rows * sizeof(*halves));
		tier->kernels->halve(x, n_rows, halves);
		for (uint32_t i = 0; i < n_rows; i++)
			expect_half(halves[i], x[i], "half", i);
		guarded_free();
	}
	report(tier, "pairs and halve: nearest, ties to even");
}

struct problem {
	struct rk_product product;
	uint32_t *pairs;
	float *x, *y;
	uint32_t n_lanes;
};

static struct problem make(const struct tier *tier, uint32_t n_in, uint32_t n_out, uint32_t n_lanes)
{
	struct problem p = {.n_lanes = n_lanes};
	uint32_t n_rows = (n_out + RK_HALF_ROWS - 1) / RK_HALF_ROWS * RK_HALF_ROWS, stride = rk_halves_padded(n_in);
	uint16_t *halves = guarded_bytes((size_t)n_rows * stride * sizeof(*halves));
	float *bias = guarded_floats(n_out);
	memset(halves, 0, (size_t)n_rows * stride * sizeof(*halves));
	for (uint32_t m = 0; m < n_out; m++)
		for (uint32_t k = 0; k < n_in; k++)
			halves[m * stride + k] = rounded(random_float(-1.0F, 1.0F));
	random_floats(bias, n_out, -1.0F, 1.0F);
	p.x = guarded_floats((size_t)n_in * RK_PANEL);
	random_floats(p.x, (size_t)n_in * RK_PANEL, -2.0F, 2.0F);
	p.pairs = guarded_bytes((size_t)stride / 2 * RK_PANEL * sizeof(*p.pairs));
	memset(p.pairs, 0, (size_t)stride / 2 * RK_PANEL * sizeof(*p.pairs));
	tier->kernels->pairs(p.x, n_in, n_lanes, p.pairs);
	p.y = guarded_floats((size_t)n_out * RK_PANEL);
	p.product = (struct rk_product){
		.bias = bias, .n_in = n_in, .n_out = n_out, .halves = halves, .half_stride = stride};
	return p;
}

static void check_products(const struct tier *tier)
{
	for (uint32_t n_out = 1; n_out <= 35; n_out += 1 + random_below(3))
		for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes += 1 + random_below(9)) {
			struct problem p = make(tier, 1 + random_below(80), n_out, n_lanes);
			tier->kernels->product_halves(&p.product, p.pairs, n_lanes, NULL, p.y);
			for (uint32_t m = 0; m < n_out; m++)
				for (uint32_t lane = 0; lane < n_lanes; lane++) {
					double sum = (double)p.product.bias[m], size = fabs(sum);
					for (uint32_t k = 0; k < p.product.n_in; k++) {
						double w = (double)value_of(
							p.product.halves[m * p.product.half_stride + k]);
						double x = (double)value_of(rounded(p.x[k * RK_PANEL + lane]));
						sum += w * x;
						size += fabs(w * x);
					}
					expect_near((double)p.y[m * RK_PANEL + lane], sum,
						    (p.product.n_in + 2) * 0x1p-23 * size, "y", m * RK_PANEL + lane);
				}
			guarded_free();
		}
	report(tier, "product_halves: all tails");
}

/* A lane's bits do not depend on its neighbours, its place, or the number of lanes. */
static void check_independence(const struct tier *tier)
{
	struct problem p = make(tier, 70, 37, RK_PANEL);
	tier->kernels->product_halves(&p.product, p.pairs, RK_PANEL, NULL, p.y);
	float *one = guarded_floats((size_t)p.product.n_in * RK_PANEL);
	float *y = guarded_floats((size_t)p.product.n_out * RK_PANEL);
	for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
		uint32_t place = random_below(RK_PANEL), n_lanes = place + 1 + random_below(RK_PANEL - place);
		random_floats(one, (size_t)p.product.n_in * RK_PANEL, -9.0F, 9.0F);
		for (uint32_t k = 0; k < p.product.n_in; k++)
			one[k * RK_PANEL + place] = p.x[k * RK_PANEL + lane];
		tier->kernels->pairs(one, p.product.n_in, n_lanes, p.pairs);
		tier->kernels->product_halves(&p.product, p.pairs, n_lanes, NULL, y);
		for (uint32_t m = 0; m < p.product.n_out; m++)
			expect_same_bits(y[m * RK_PANEL + place], p.y[m * RK_PANEL + lane], "lane", lane);
	}
	report(tier, "product_halves: a lane's bits are its own");
}

struct call {
	const struct rk_kernels *kernels;
	struct problem problem;
};

static void call_product(void *context)
{
	struct call *call = context;
	call->kernels->product_halves(&call->problem.product, call->problem.pairs, call->problem.n_lanes, NULL,
				      call->problem.y);
}

static void call_pairs(void *context)
{
	struct call *call = context;
	call->kernels->pairs(call->problem.x, call->problem.product.n_in, call->problem.n_lanes, call->problem.pairs);
}

void check_halves(const struct tier *tier)
{
	if (!tier->bench) {
		check_rounding(tier);
		check_products(tier);
		check_independence(tier);
		return;
	}
	static const uint32_t shapes[][2] = {{134, 256}, {256, 128}, {128, 6}, {64, 256}, {256, 64}};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct call call = {tier->kernels, make(tier, shapes[i][0], shapes[i][1], RK_PANEL)};
		char what[64];
		(void)snprintf(what, sizeof(what), "product_halves %u x %u x 48", shapes[i][0], shapes[i][1]);
		bench(tier, what, call_product, &call, 2.0 * shapes[i][0] * shapes[i][1] * RK_PANEL);
		(void)snprintf(what, sizeof(what), "pairs %u", shapes[i][0]);
		bench(tier, what, call_pairs, &call, (double)shapes[i][0] * RK_PANEL);
		guarded_free();
	}
}
