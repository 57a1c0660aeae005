/* Products over digits against the exact sum of the floats; and the packing of weights that a request makes against the
 * definition of the digits. */
#include "model/base/digits.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct problem {
	struct rk_product product;
	struct rk_digits digits;
	float *rows, *x, *y, *scales; /* rows [n_out][n_in] */
	uint32_t *quads;
	uint32_t n_lanes;
};

/* Inputs of very different size in one column or lane where `wild`. */
static float draw(bool wild)
{
	float value = random_float(-1.0F, 1.0F);
	return wild ? ldexpf(value, (int)random_below(24) - 12) : value;
}

static struct problem make(const struct tier *tier, uint32_t n_in, uint32_t n_out, uint32_t n_lanes, bool wild)
{
	struct problem p = {.n_lanes = n_lanes};
	const size_t n_padded = rk_digits_padded(n_in), n_rows = rk_digit_rows_of(n_out);
	p.digits = (struct rk_digits){
		.tiles = guarded_bytes(n_rows * n_padded * RK_N_DIGITS),
		.out_scales = guarded_floats(n_rows),
		.in_scales = guarded_floats(n_padded),
	};
	p.rows = guarded_floats((size_t)n_out * n_in);
	float *bias = guarded_floats(n_out);
	p.x = guarded_floats((size_t)n_in * RK_PANEL);
	p.y = guarded_floats((size_t)n_out * RK_PANEL);
	p.scales = guarded_floats(RK_PANEL);
	p.quads = guarded_bytes(n_padded / 4 * RK_N_DIGITS * RK_PANEL * sizeof(*p.quads));
	for (size_t i = 0; i < (size_t)n_out * n_in; i++)
		p.rows[i] = draw(wild);
	for (size_t i = 0; i < (size_t)n_in * RK_PANEL; i++)
		p.x[i] = draw(wild);
	random_floats(bias, n_out, -1.0F, 1.0F);
	tier->kernels->pack_digits(p.rows, n_in, n_out, n_in, &p.digits);
	p.product = (struct rk_product){.bias = bias, .n_in = n_in, .n_out = n_out, .digits = p.digits};
	return p;
}

static void run(const struct tier *tier, struct problem *p, void (*activate)(float *, uint32_t, uint32_t))
{
	tier->kernels->digits(&p->product, p->x, p->n_lanes, p->quads, p->scales);
	tier->kernels->product_digits(&p->product, p->quads, p->scales, p->n_lanes, activate, p->y);
}

/* Every digit of the tiles, and zeros behind the matrix. */
static void check_packing(const struct tier *tier)
{
	for (uint32_t n_in = 1; n_in <= 140; n_in += 1 + random_below(13)) {
		struct problem p = make(tier, n_in, 1 + random_below(40), 1, n_in % 2 == 0);
		const uint32_t n_padded = rk_digits_padded(n_in);
		const size_t tile = (size_t)RK_DIGIT_ROWS * RK_DIGIT_STEP;
		for (uint32_t m = 0; m < rk_digit_rows_of(p.product.n_out); m++)
			for (uint32_t k = 0; k < n_padded; k++) {
				const int8_t *at = p.digits.tiles +
						   m / RK_DIGIT_ROWS * (size_t)n_padded * RK_N_DIGITS * RK_DIGIT_ROWS +
						   k / RK_DIGIT_STEP * RK_N_DIGITS * tile +
						   m % RK_DIGIT_ROWS * RK_DIGIT_STEP + k % RK_DIGIT_STEP;
				double scale = (double)p.digits.out_scales[m] * (double)p.digits.in_scales[k];
				double found = scale * (at[0] + at[tile] / 256.0 + at[2 * tile] / 65536.0);
				bool inside = m < p.product.n_out && k < n_in;
				double w = inside ? (double)p.rows[m * n_in + k] : 0.0;
				expect_near(found, w, scale * 0x1p-17, "weight", m * n_padded + k);
			}
		for (uint32_t m = 0; m < p.product.n_out; m++) {
			float largest = 0.0F;
			for (uint32_t k = 0; k < n_in; k++)
				largest = fmaxf(largest, fabsf(p.rows[m * n_in + k] / p.digits.in_scales[k]));
			double top = 128.0 * (double)p.digits.out_scales[m];
			if (!((double)largest <= top && (double)largest * 2.02 >= top))
				expect_near((double)largest, top, 0.0, "scale of an output", m);
		}
		guarded_free();
	}
	report(tier, "pack_digits: 24 bits of every weight");
}

static void check_products(const struct tier *tier, bool wild)
{
	for (uint32_t n_out = 1; n_out <= 70; n_out += 1 + random_below(9))
		for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes += 1 + random_below(9)) {
			struct problem p = make(tier, 1 + random_below(200), n_out, n_lanes, wild);
			const uint32_t n_in = p.product.n_in;
			run(tier, &p, NULL);
			for (uint32_t m = 0; m < n_out; m++)
				for (uint32_t lane = 0; lane < n_lanes; lane++) {
					double sum = (double)p.product.bias[m], size = fabs(sum), most_w = 0,
					       most_x = 0;
					for (uint32_t k = 0; k < n_in; k++) {
						double s = (double)p.digits.in_scales[k];
						double w = (double)p.rows[m * n_in + k],
						       x = (double)p.x[k * RK_PANEL + lane];
						sum += w * x;
						size += fabs(w * x);
						most_w = fmax(most_w, fabs(w / s));
						most_x = fmax(most_x, fabs(s * x));
					}
					expect_near((double)p.y[m * RK_PANEL + lane], sum,
						    n_in * 0x1p-20 * most_w * most_x + 0x1p-22 * size, "y",
						    m * RK_PANEL + lane);
				}
			guarded_free();
		}
	report(tier, wild ? "product_digits: inputs of very different size" : "product_digits: all tails");
}

/* On inputs of one size the error is as a rule that of a sum of floats: half a bit of 24 for each of n_in terms. */
static void check_usual_error(const struct tier *tier)
{
	struct problem p = make(tier, 200, 64, RK_PANEL, false);
	double squares = 0, sizes = 0;
	run(tier, &p, NULL);
	for (uint32_t m = 0; m < p.product.n_out; m++)
		for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
			double sum = (double)p.product.bias[m], size = fabs(sum);
			for (uint32_t k = 0; k < p.product.n_in; k++) {
				double term = (double)p.rows[m * p.product.n_in + k] * (double)p.x[k * RK_PANEL + lane];
				sum += term;
				size += fabs(term);
			}
			double error = (double)p.y[m * RK_PANEL + lane] - sum;
			squares += error * error;
			sizes += size * size;
		}
	expect_near(sqrt(squares / sizes), 0.0, 0x1p-24, "root mean square of the relative error", 0);
	report(tier, "product_digits: errors of float sums");
}

/* Numbers of few bits give the exact sum, whatever else stands in their lane: equal scores stay equal. */
static void check_exactness(const struct tier *tier)
{
	struct problem p = make(tier, 80, 40, RK_PANEL, false);
	const uint32_t n_in = p.product.n_in;
	for (size_t i = 0; i < (size_t)n_in * p.product.n_out; i++)
		p.rows[i] = (float)random_below(65) / 8.0F - 4.0F;
	for (size_t i = 0; i < (size_t)n_in * RK_PANEL; i++)
		p.x[i] = ldexpf((float)random_below(129) - 64.0F, -(int)random_below(5));
	tier->kernels->pack_digits(p.rows, n_in, p.product.n_out, n_in, &p.digits);
	p.product.bias = NULL;
	run(tier, &p, NULL);
	for (uint32_t m = 0; m < p.product.n_out; m++)
		for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
			double sum = 0;
			for (uint32_t k = 0; k < n_in; k++)
				sum += (double)p.rows[m * n_in + k] * (double)p.x[k * RK_PANEL + lane];
			expect_near((double)p.y[m * RK_PANEL + lane], sum, 0.0, "an exact sum", m * RK_PANEL + lane);
		}
	report(tier, "product_digits: exact where numbers have few bits");
}

static void check_independence(const struct tier *tier)
{
	struct problem p = make(tier, 130, 37, RK_PANEL, true);
	run(tier, &p, NULL);
	float *whole = guarded_floats((size_t)p.product.n_out * RK_PANEL), *x = p.x;
	memcpy(whole, p.y, (size_t)p.product.n_out * RK_PANEL * sizeof(float));
	p.x = guarded_floats((size_t)p.product.n_in * RK_PANEL);
	for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
		uint32_t place = random_below(RK_PANEL);
		p.n_lanes = place + 1 + random_below(RK_PANEL - place);
		random_floats(p.x, (size_t)p.product.n_in * RK_PANEL, -9.0F, 9.0F);
		for (uint32_t k = 0; k < p.product.n_in; k++)
			p.x[k * RK_PANEL + place] = x[k * RK_PANEL + lane];
		run(tier, &p, NULL);
		for (uint32_t m = 0; m < p.product.n_out; m++)
			expect_same_bits(p.y[m * RK_PANEL + place], whole[m * RK_PANEL + lane], "lane", lane);
	}
	report(tier, "product_digits: a lane's bits are its own");
}

/* Numbers that are not finite, at the edge of the floats, tiny or zero. */
static void check_hard_numbers(const struct tier *tier)
{
	static const float hard[] = {0.0F,      -0.0F,     INFINITY, -INFINITY, NAN, 0x1.fffffep127F,
				     0x1p-126F, 0x1p-140F, 1e-30F};
	enum { N_HARD = sizeof(hard) / sizeof(hard[0]) };
	struct problem p = make(tier, 65, 33, RK_PANEL, false);
	for (uint32_t m = 0; m < p.product.n_out; m++)
		for (uint32_t k = 0; k < p.product.n_in; k++)
			p.rows[m * p.product.n_in + k] = k == 0 ? 0.5F : 0.0F;
	tier->kernels->pack_digits(p.rows, p.product.n_in, p.product.n_out, p.product.n_in, &p.digits);
	memset(p.x, 0, (size_t)p.product.n_in * RK_PANEL * sizeof(float));
	for (uint32_t lane = 0; lane < RK_PANEL; lane++)
		p.x[lane] = hard[lane % N_HARD];
	run(tier, &p, NULL);
	for (uint32_t m = 0; m < p.product.n_out; m++)
		for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
			float x = hard[lane % N_HARD];
			double sum = isfinite(x) ? (double)p.product.bias[m] + 0.5 * (double)x : (double)NAN;
			expect_near((double)p.y[m * RK_PANEL + lane], sum, fabs(sum) * 0x1p-22 + 0x1p-120,
				    "a hard input", lane % N_HARD);
		}
	p.rows[0] = NAN;
	p.rows[p.product.n_in] = INFINITY;
	tier->kernels->pack_digits(p.rows, p.product.n_in, p.product.n_out, p.product.n_in, &p.digits);
	for (uint32_t m = 0; m < 3; m++)
		expect_near((double)isnan(p.digits.out_scales[m]), m < 2, 0.0, "a broken weight", m);
	report(tier, "digits: hard numbers");
}

static void check_activation_of_rows(const struct tier *tier)
{
	struct problem p = make(tier, 70, 37, 20, false);
	run(tier, &p, NULL);
	float *plain = guarded_floats((size_t)p.product.n_out * RK_PANEL);
	memcpy(plain, p.y, (size_t)p.product.n_out * RK_PANEL * sizeof(float));
	tier->kernels->activate[RK_ACTIVATION_GELU](plain, p.product.n_out, p.n_lanes);
	run(tier, &p, tier->kernels->activate[RK_ACTIVATION_GELU]);
	for (uint32_t m = 0; m < p.product.n_out; m++)
		for (uint32_t lane = 0; lane < p.n_lanes; lane++)
			expect_same_bits(p.y[m * RK_PANEL + lane], plain[m * RK_PANEL + lane], "y", m);
	report(tier, "product_digits: activated");
}

struct call {
	const struct tier *tier;
	struct problem problem;
};

static void call_product(void *context)
{
	struct call *call = context;
	const struct problem *p = &call->problem;
	call->tier->kernels->product_digits(&p->product, p->quads, p->scales, p->n_lanes, NULL, p->y);
}

static void call_digits(void *context)
{
	struct call *call = context;
	const struct problem *p = &call->problem;
	call->tier->kernels->digits(&p->product, p->x, p->n_lanes, p->quads, p->scales);
}

static void call_pack(void *context)
{
	struct call *call = context;
	const struct problem *p = &call->problem;
	call->tier->kernels->pack_digits(p->rows, p->product.n_in, p->product.n_out, p->product.n_in, &p->digits);
}

static void bench_digits(const struct tier *tier)
{
	static const uint32_t shapes[][2] = {{134, 256}, {256, 128}, {64, 64}, {64, 256}, {256, 64}, {64, 48}};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const uint32_t n_in = shapes[i][0], n_out = shapes[i][1];
		struct call call = {tier, make(tier, n_in, n_out, RK_PANEL, false)};
		char what[64];
		(void)snprintf(what, sizeof(what), "digits %u", n_in);
		bench(tier, what, call_digits, &call, (double)n_in * RK_PANEL);
		(void)snprintf(what, sizeof(what), "product_digits %u x %u x 48", n_in, n_out);
		bench(tier, what, call_product, &call, 2.0 * n_in * n_out * RK_PANEL);
		(void)snprintf(what, sizeof(what), "pack_digits %u x %u", n_in, n_out);
		bench(tier, what, call_pack, &call, (double)n_in * n_out);
		guarded_free();
	}
}

void check_digits(const struct tier *tier)
{
	if (tier->kernels->product_digits == NULL)
		return;
	if (tier->bench) {
		bench_digits(tier);
		return;
	}
	check_packing(tier);
	check_products(tier, false);
	check_products(tier, true);
	check_usual_error(tier);
	check_exactness(tier);
	check_independence(tier);
	check_hard_numbers(tier);
	check_activation_of_rows(tier);
}
