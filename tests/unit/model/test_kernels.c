/* Every kernel of every tier that this processor has, at every length up to a few registers, against double.
 * A canary behind each output shows a kernel that writes past its tail. */
#include "model/kernels/kernels.h"
#include "tests/unit/model/oracle.h"
#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LENGTH = 131 };

static const float canary = 12345.5F;
static struct rk_kernels kernels;
static float a[MAX_LENGTH + 1], b[MAX_LENGTH + 1], y[MAX_LENGTH + 1], before[MAX_LENGTH + 1];

/* Runs `check` for all tiers and lengths on fresh numbers in a, b, y; `before` is y as it was. */
static void for_all(void (*check)(size_t n))
{
	for (enum rk_cpu_tier tier = RK_CPU_SCALAR; tier <= rk_cpu_detect(); tier++) {
		memset(&kernels, 0, sizeof(kernels));
		rk_kernels_init(&kernels, tier);
		for (size_t n = 0; n <= MAX_LENGTH; n++) {
			for (size_t i = 0; i <= MAX_LENGTH; i++) {
				a[i] = 4.0F * toy_random();
				b[i] = 4.0F * toy_random();
				y[i] = before[i] = 4.0F * toy_random();
			}
			y[n] = canary;
			check(n);
			cr_assert(y[n] == canary, "%s: length %zu: wrote past the end", rk_cpu_tier_name(tier), n);
		}
	}
}

static void expect_near(size_t n, size_t i, double expected, double tolerance)
{
	double gap = fabs((double)y[i] - expected) / fmax(1.0, fabs(expected));
	cr_assert(gap <= tolerance, "length %zu, at %zu: expected %.9g, found %.9g", n, i, expected, (double)y[i]);
}

Test(kernels, every_tier_fills_the_whole_table)
{
	for (enum rk_cpu_tier tier = RK_CPU_SCALAR; tier <= rk_cpu_detect(); tier++) {
		void *entries[sizeof(kernels) / sizeof(void *)];
		memset(&kernels, 0, sizeof(kernels));
		rk_kernels_init(&kernels, tier);
		memcpy(entries, &kernels, sizeof(kernels));
		for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
			cr_assert_not_null(entries[i], "entry %zu", i);
	}
}

static void check_activations(size_t n)
{
	const rk_activate_fn activations[] = {kernels.relu, kernels.gelu, kernels.gelu_tanh, kernels.silu};
	for (int k = 0; k < 4; k++) {
		memcpy(y, before, n * sizeof(float));
		activations[k](y, n);
		for (size_t i = 0; i < n; i++)
			expect_near(n, i, oracle_activation((enum rk_activation)k, (double)before[i]), 1e-6);
	}
}

Test(kernels, activations)
{
	for_all(check_activations);
}

static void check_activation_tails(size_t n)
{
	static const float extremes[] = {0.0F,   -0.0F, 1e-30F, -1e-30F, 10.0F,  -10.0F,  50.0F,
					 -50.0F, 1e3F,  -1e3F,  1e20F,   -1e20F, FLT_MAX, -FLT_MAX};
	enum { N = sizeof(extremes) / sizeof(extremes[0]) };
	const rk_activate_fn activations[] = {kernels.relu, kernels.gelu, kernels.gelu_tanh, kernels.silu};
	if (n != N)
		return;
	for (int k = 0; k < 4; k++) {
		memcpy(y, extremes, sizeof(extremes));
		activations[k](y, N);
		for (size_t i = 0; i < N; i++)
			expect_near(n, i,
				    extremes[i] > 9.0F ? (double)extremes[i]
				    : extremes[i] < -9.0F
					    ? 0.0
					    : oracle_activation((enum rk_activation)k, (double)extremes[i]),
				    5e-4);
		y[0] = NAN;
		activations[k](y, 1);
		cr_assert(isnan(y[0]), "activation %d hides a NaN", k);
	}
}

Test(kernels, activations_at_the_ends)
{
	for_all(check_activation_tails);
}

static void check_sigmoid(size_t n)
{
	for (size_t i = 0; i < n; i++)
		a[i] *= 30.0F; /* up to ±120, where exp overflows */
	kernels.sigmoid(a, n, y);
	for (size_t i = 0; i < n; i++) {
		expect_near(n, i, oracle_sigmoid((double)a[i]), 2e-7);
		double expected = oracle_sigmoid((double)a[i]);
		if (expected > (double)FLT_MIN)
			cr_assert_float_eq((double)y[i] / expected, 1.0, 1e-5,
					   "the small side must keep its precision");
	}
}

Test(kernels, sigmoid)
{
	for_all(check_sigmoid);
}

static void check_softmax(size_t n)
{
	double sum = 0.0, max = -(double)INFINITY;
	for (size_t i = 0; i < n; i++) {
		y[i] = before[i] = before[i] * 50.0F + 1000.0F; /* exp of it overflows */
		max = fmax(max, (double)before[i]);
	}
	kernels.softmax(y, n);
	for (size_t i = 0; i < n; i++)
		sum += exp((double)before[i] - max);
	for (size_t i = 0; i < n; i++)
		expect_near(n, i, exp((double)before[i] - max) / sum, 1e-6);
}

Test(kernels, softmax)
{
	for_all(check_softmax);
}

static void check_softmax_nan(size_t n)
{
	for (size_t bad = 0; bad < n; bad++) {
		memcpy(y, before, n * sizeof(float));
		y[bad] = bad % 2 ? NAN : INFINITY;
		kernels.softmax(y, n);
		cr_assert(isnan(y[bad]));
	}
}

Test(kernels, softmax_shows_what_left_the_floats)
{
	for_all(check_softmax_nan);
}

static void check_norm(size_t n)
{
	if (n == 0)
		return;
	double mean = 0.0, variance = 0.0;
	for (size_t i = 0; i < n; i++) {
		before[i] += 300.0F; /* a one-pass variance loses its digits here */
		mean += (double)before[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++)
		variance += ((double)before[i] - mean) * ((double)before[i] - mean) / (double)n;
	kernels.layer_norm(before, a, b, n, 1e-5F, y);
	for (size_t i = 0; i < n; i++)
		expect_near(n, i, ((double)before[i] - mean) / sqrt(variance + 1e-5) * (double)a[i] + (double)b[i],
			    2e-5);
	memcpy(y, before, n * sizeof(float));
	kernels.layer_norm(y, a, b, n, 1e-5F, y);
	expect_near(n, n - 1,
		    ((double)before[n - 1] - mean) / sqrt(variance + 1e-5) * (double)a[n - 1] + (double)b[n - 1], 2e-5);
}

Test(kernels, layer_norm_and_in_place)
{
	for_all(check_norm);
}

static void check_constant_norm(size_t n)
{
	for (size_t i = 0; i < n; i++)
		before[i] = 7.25F;
	if (n > 0)
		kernels.layer_norm(before, a, b, n, 1e-5F, y);
	for (size_t i = 0; i < n; i++)
		cr_assert(y[i] == b[i], "a constant row has no deviation");
}

Test(kernels, layer_norm_of_a_constant)
{
	for_all(check_constant_norm);
}

static void check_add(size_t n)
{
	kernels.add(a, n, y);
	for (size_t i = 0; i < n; i++)
		cr_assert(y[i] == before[i] + a[i]);
}

static void check_scale(size_t n)
{
	kernels.scale(0.3F, n, y);
	for (size_t i = 0; i < n; i++)
		cr_assert(y[i] == before[i] * 0.3F);
}

static void check_axpy(size_t n)
{
	kernels.axpy(1.7F, a, n, y);
	for (size_t i = 0; i < n; i++)
		expect_near(n, i, (double)before[i] + (double)1.7F * (double)a[i], 2e-6);
}

static void check_multiply(size_t n)
{
	kernels.multiply(a, b, n, y);
	for (size_t i = 0; i < n; i++)
		cr_assert(y[i] == a[i] * b[i]);
}

static void check_multiply_add(size_t n)
{
	kernels.multiply_add(a, b, n, y);
	for (size_t i = 0; i < n; i++)
		expect_near(n, i, (double)before[i] + (double)a[i] * (double)b[i], 2e-6);
}

static void check_dot(size_t n)
{
	double expected = 0.0, size = 0.0;
	for (size_t i = 0; i < n; i++) {
		expected += (double)a[i] * (double)b[i];
		size += fabs((double)a[i] * (double)b[i]);
	}
	cr_assert(fabs((double)kernels.dot(a, b, n) - expected) <= 1e-6 * size, "length %zu", n);
}

Test(kernels, elementwise)
{
	void (*const checks[])(size_t) = {check_add,      check_scale,        check_axpy,
					  check_multiply, check_multiply_add, check_dot};
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		for_all(checks[i]);
}

static void check_attend(size_t n_keys)
{
	enum { HEAD_DIM = 7, STRIDE = 19 };
	static float keys[MAX_LENGTH * STRIDE], values[MAX_LENGTH * STRIDE], query[HEAD_DIM], out[HEAD_DIM + 1];
	if (n_keys == 0)
		return;
	for (size_t i = 0; i < n_keys * STRIDE; i++) {
		keys[i] = toy_random();
		values[i] = toy_random();
	}
	for (size_t i = 0; i < HEAD_DIM; i++)
		query[i] = 20.0F * toy_random();
	out[HEAD_DIM] = canary;
	struct rk_attend attend = {.query = query,
				   .keys = keys,
				   .values = values,
				   .n_keys = n_keys,
				   .head_dim = HEAD_DIM,
				   .stride = STRIDE,
				   .scale = 0.3F,
				   .scores = y,
				   .ret_out = out};
	kernels.attend(&attend);
	double sum = 0.0, expected[HEAD_DIM] = {0.0};
	for (size_t j = 0; j < n_keys; j++) {
		double score = 0.0;
		for (size_t i = 0; i < HEAD_DIM; i++)
			score += (double)query[i] * (double)keys[j * STRIDE + i] * (double)0.3F;
		sum += exp(score);
		for (size_t i = 0; i < HEAD_DIM; i++)
			expected[i] += exp(score) * (double)values[j * STRIDE + i];
	}
	for (size_t i = 0; i < HEAD_DIM; i++)
		cr_assert_float_eq((double)out[i], expected[i] / sum, 1e-5, "%zu keys", n_keys);
	cr_assert(out[HEAD_DIM] == canary);
}

Test(kernels, attention_row)
{
	for_all(check_attend);
}

static void check_gru(size_t n)
{
	static float input[3 * MAX_LENGTH], hidden[3 * MAX_LENGTH];
	for (size_t i = 0; i < 3 * n; i++) {
		input[i] = 3.0F * toy_random();
		hidden[i] = 3.0F * toy_random();
	}
	kernels.gru_step(input, hidden, n, y);
	for (size_t i = 0; i < n; i++) {
		double r = oracle_sigmoid((double)input[i] + (double)hidden[i]);
		double z = oracle_sigmoid((double)input[n + i] + (double)hidden[n + i]);
		double g = tanh((double)input[2 * n + i] + r * (double)hidden[2 * n + i]);
		expect_near(n, i, (1.0 - z) * g + z * (double)before[i], 1e-6);
	}
}

Test(kernels, gru_step)
{
	for_all(check_gru);
}

static bool same(float found, double expected)
{
	return isnan(expected) ? isnan(found) : (double)found == expected && !signbit(found) == !signbit(expected);
}

/* All 65536 patterns, in rows of every length, at odd addresses as the file may have them. */
static void check_widen(rk_widen_fn widen, double (*oracle)(uint16_t), size_t n)
{
	static uint16_t row[MAX_LENGTH];
	static char unaligned[MAX_LENGTH * 2 + 1];
	static uint32_t next;
	for (size_t i = 0; i < n; i++)
		row[i] = (uint16_t)next++;
	memcpy(unaligned + 1, row, n * 2);
	widen(row, n, y);
	for (size_t i = 0; i < n; i++)
		cr_assert(same(y[i], oracle(row[i])), "%04x: expected %g, found %g", row[i], oracle(row[i]),
			  (double)y[i]);
	widen(unaligned + 1, n, y);
	for (size_t i = 0; i < n; i++)
		cr_assert(same(y[i], oracle(row[i])));
}

static void check_f16(size_t n)
{
	for (int i = 0; i < 20; i++)
		check_widen(kernels.widen_f16, oracle_half, n);
}

static void check_bf16(size_t n)
{
	for (int i = 0; i < 20; i++)
		check_widen(kernels.widen_bf16, oracle_bf16, n);
}

static void check_f32(size_t n)
{
	kernels.widen_f32(a, n, y);
	cr_assert_eq(memcmp(a, y, n * sizeof(float)), 0);
}

Test(kernels, gather_widens_every_pattern)
{
	for_all(check_f16);
	for_all(check_bf16);
	for_all(check_f32);
}

/* A row at the very end of what may be read: under AddressSanitizer reading past it is an error. */
Test(kernels, gather_reads_no_further_than_the_row)
{
	for (enum rk_cpu_tier tier = RK_CPU_SCALAR; tier <= rk_cpu_detect(); tier++) {
		rk_kernels_init(&kernels, tier);
		for (size_t n = 1; n < 70; n++) {
			uint16_t *row = malloc(n * sizeof(*row));
			for (size_t i = 0; i < n; i++)
				row[i] = 0x3c00;
			kernels.widen_f16(row, n, y);
			cr_assert(y[n - 1] == 1.0F);
			kernels.widen_bf16(row, n, y);
			free(row);
		}
	}
}
