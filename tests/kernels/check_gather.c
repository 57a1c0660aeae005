#include "tests/kernels/harness.h"

#include <math.h>
#include <string.h>

/* IEEE binary16, by its definition. */
static double value_of_f16(unsigned bits)
{
	int exponent = (int)(bits >> 10 & 31);
	double fraction = (double)(bits & 1023) / 1024.0;
	double size = exponent == 0 ? ldexp(fraction, -14) : ldexp(1.0 + fraction, exponent - 15);
	if (exponent == 31)
		size = (bits & 1023) == 0 ? (double)INFINITY : (double)NAN;
	return bits >> 15 ? -size : size;
}

static double value_of_bf16(unsigned bits)
{
	uint32_t wide = (uint32_t)bits << 16;
	float value;
	memcpy(&value, &wide, sizeof(value));
	return (double)value;
}

/* Each row ends at an unreadable page, so that a read behind the last element is caught. */
static void check_dtype(const struct tier *tier, enum rk_dtype dtype, uint32_t n_dims, uint32_t n_lanes)
{
	size_t row_bytes = n_dims * rk_dtype_bytes(dtype);
	const void *rows[RK_PANEL];
	for (uint32_t lane = 0; lane < RK_PANEL; lane++) {
		unsigned char *row = guarded_bytes(row_bytes);
		for (size_t i = 0; i < row_bytes; i++)
			row[i] = (unsigned char)random_below(256);
		for (uint32_t k = 0; k < n_dims && dtype == RK_DTYPE_F32; k++) {
			float value = random_float(-5.0F, 5.0F);
			memcpy(row + k * sizeof(value), &value, sizeof(value));
		}
		rows[lane] = row;
	}
	float *panel = guarded_floats((size_t)n_dims * RK_PANEL);
	tier->kernels->gather[dtype](&(struct rk_gather){rows, n_lanes, n_dims, panel});
	for (uint32_t lane = 0; lane < n_lanes; lane++)
		for (uint32_t k = 0; k < n_dims; k++) {
			float found = panel[k * RK_PANEL + lane], wide;
			uint16_t half = 0;
			memcpy(&half, (const char *)rows[lane] + k * sizeof(half), sizeof(half));
			memcpy(&wide, (const char *)rows[lane] + k * rk_dtype_bytes(dtype), rk_dtype_bytes(dtype));
			double expected = dtype == RK_DTYPE_F32   ? (double)wide
					  : dtype == RK_DTYPE_F16 ? value_of_f16(half)
								  : value_of_bf16(half);
			if (!isinf(expected) || (double)found != expected)
				expect_near((double)found, expected, 0.0, "element", k * RK_PANEL + lane);
		}
	guarded_free();
}

struct table {
	const struct rk_kernels *kernels;
	const void *rows[RK_PANEL];
	float *panel;
};

static void call(void *context)
{
	struct table *table = context;
	table->kernels->gather[RK_DTYPE_F32](&(struct rk_gather){table->rows, RK_PANEL, 64, table->panel});
}

void check_gather(const struct tier *tier)
{
	static const char *const names[] = {"gather_f32", "gather_f16", "gather_bf16"};
	if (tier->bench) {
		struct table table = {.kernels = tier->kernels, .panel = guarded_floats(64 * RK_PANEL)};
		for (int lane = 0; lane < RK_PANEL; lane++) {
			float *row = guarded_floats(64);
			random_floats(row, 64, -1.0F, 1.0F);
			table.rows[lane] = row;
		}
		bench(tier, "gather 48 x 64", call, &table, 64.0 * RK_PANEL);
		guarded_free();
		return;
	}
	for (int dtype = 0; dtype < 3; dtype++) {
		for (uint32_t n_dims = 1; n_dims <= 50; n_dims += n_dims < 34 ? 3 : 7)
			for (uint32_t n_lanes = 1; n_lanes <= RK_PANEL; n_lanes += 1 + random_below(15))
				check_dtype(tier, (enum rk_dtype)dtype, n_dims, n_lanes);
		report(tier, names[dtype]);
	}
}
