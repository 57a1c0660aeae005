#include "model/kernels/dense.h"
#include "tests/unit/model/toy.h"

#include <criterion/criterion.h>
#include <math.h>

enum { MAX_ROWS = 70, MAX_IN = 90, MAX_OUT = 80, PAD = 3 };

static float weight[MAX_OUT * MAX_IN], bias[MAX_OUT], x[MAX_ROWS * (MAX_IN + PAD)], y[MAX_ROWS * (MAX_OUT + PAD)];
static struct rk_kernels kernels;

static void set_up(void)
{
	rk_dense_init();
	rk_kernels_init(&kernels, rk_cpu_detect());
	for (size_t i = 0; i < sizeof(weight) / sizeof(float); i++)
		weight[i] = toy_random();
	for (size_t i = 0; i < MAX_OUT; i++)
		bias[i] = toy_random();
	for (size_t i = 0; i < sizeof(x) / sizeof(float); i++)
		x[i] = toy_random();
}

TestSuite(dense, .init = set_up);

static void check(size_t n_rows, uint32_t n_in, uint32_t n_out, size_t pad, rk_activate_fn activate)
{
	struct rk_dense dense = {.weight = weight, .bias = bias, .n_in = n_in, .n_out = n_out};
	struct rk_rows in = {.data = x, .n_rows = n_rows, .stride = n_in + pad};
	struct rk_rows out = {.data = y, .n_rows = n_rows, .stride = n_out + pad};
	for (size_t i = 0; i < sizeof(y) / sizeof(float); i++)
		y[i] = NAN; /* what stands there must not matter */
	rk_dense_apply(&dense, in, activate, out);
	for (size_t row = 0; row < n_rows; row++) {
		for (size_t o = 0; o < n_out; o++) {
			double expected = (double)bias[o];
			for (size_t i = 0; i < n_in; i++)
				expected += (double)weight[o * n_in + i] * (double)x[row * in.stride + i];
			if (activate != NULL)
				expected = fmax(0.0, expected);
			cr_assert_float_eq((double)y[row * out.stride + o], expected, 2e-5, "%zu × %u × %u at %zu, %zu",
					   n_rows, n_in, n_out, row, o);
		}
		for (size_t o = n_out; o < out.stride; o++)
			cr_assert(isnan(y[row * out.stride + o]), "wrote between the rows");
	}
}

Test(dense, all_small_shapes)
{
	for (size_t n_rows = 0; n_rows <= 5; n_rows++) {
		for (uint32_t n_in = 0; n_in <= 18; n_in++) {
			for (uint32_t n_out = 1; n_out <= 18; n_out++)
				check(n_rows, n_in, n_out, n_in % 2 ? PAD : 0, n_out % 2 ? kernels.relu : NULL);
		}
	}
}

Test(dense, block_shapes)
{
	static const size_t rows[] = {1, 31, 63, 64, 65, 70};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check(rows[i], 90, 80, 0, NULL);
		check(rows[i], 89, 79, PAD, kernels.relu);
		check(rows[i], 64, 1, PAD, NULL);
		check(rows[i], 1, 64, 0, kernels.relu);
	}
}
