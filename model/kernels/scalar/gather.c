/* Rows of the item table, widened exactly. Read through memcpy: a row of 16-bit values has no float's alignment. */
#include "model/kernels/scalar/scalar.h"

#include <stdint.h>
#include <string.h>

static float float_of_bits(uint32_t bits)
{
	float value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void widen_f32(const void *row, size_t n, float *ret_y)
{
	memcpy(ret_y, row, n * sizeof(float));
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 mantissa bits. */
static float float_of_half(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
	uint32_t exponent = (half >> 10) & 0x1fU;
	uint32_t mantissa = half & 0x3ffU;
	if (exponent == 0) {
		/* subnormal or zero; 2⁻²⁴ is a normal float, so flushing denormals does not matter */
		float magnitude = (float)mantissa * 0x1p-24F;
		return sign != 0 ? -magnitude : magnitude;
	}
	uint32_t widened = exponent == 0x1fU ? 0xffU : exponent + 112U;
	return float_of_bits(sign | (widened << 23) | (mantissa << 13));
}

static void widen_f16(const void *row, size_t n, float *ret_y)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t half;
		memcpy(&half, (const char *)row + i * sizeof(half), sizeof(half));
		ret_y[i] = float_of_half(half);
	}
}

static void widen_bf16(const void *row, size_t n, float *ret_y)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t upper;
		memcpy(&upper, (const char *)row + i * sizeof(upper), sizeof(upper));
		ret_y[i] = float_of_bits((uint32_t)upper << 16);
	}
}

void rk_scalar_init_gather(struct rk_kernels *kernels)
{
	kernels->widen_f32 = widen_f32;
	kernels->widen_f16 = widen_f16;
	kernels->widen_bf16 = widen_bf16;
}
