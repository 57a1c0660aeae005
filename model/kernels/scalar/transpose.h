/* 4 × 4 floats in portable C, and the loads that feed them. See vector/gather.h. */
#ifndef RK_KERNELS_SCALAR_TRANSPOSE_H
#define RK_KERNELS_SCALAR_TRANSPOSE_H

#include "model/base/half.h"
#include "model/kernels/scalar/vec.h"

static inline vec load_f32(const void *row, uint32_t first, uint32_t n)
{
	vec values = {0};
	memcpy(&values, (const float *)row + first, n * sizeof(float));
	return values;
}

static inline vec load_f16(const void *row, uint32_t first, uint32_t n)
{
	vec values = {0};
	for (uint32_t i = 0; i < n; i++)
		values[i] = rk_float_of_f16(((const uint16_t *)row)[first + i]);
	return values;
}

static inline vec load_bf16(const void *row, uint32_t first, uint32_t n)
{
	vec values = {0};
	for (uint32_t i = 0; i < n; i++)
		values[i] = rk_float_of_bf16(((const uint16_t *)row)[first + i]);
	return values;
}

static inline void transpose(vec r[4])
{
	for (int i = 0; i < 4; i++)
		for (int j = i + 1; j < 4; j++) {
			float swapped = r[i][j];
			r[i][j] = r[j][i];
			r[j][i] = swapped;
		}
}

#endif
