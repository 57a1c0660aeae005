#include "model/pack.h"

#include "model/base/digits.h"
#include "model/base/half.h"

#include <string.h>

static float element(const struct rk_matrix *matrix, uint32_t out, uint32_t in)
{
	const float *row = matrix->rows != NULL ? matrix->rows[matrix->first_out + out]
						: matrix->data + (size_t)(matrix->first_out + out) * matrix->stride;
	return row[matrix->in_order == NULL ? matrix->first_in + in : matrix->in_order[in]] * matrix->scale;
}

/* [blocks of `width` outputs][n_in][width] */
static float *pack_blocks(struct rk_layout *layout, const struct rk_matrix *matrix, uint32_t width)
{
	size_t n_blocks = (matrix->n_out + width - 1) / width;
	float *packed = rk_layout_floats(layout, n_blocks * width, matrix->n_in);
	if (packed == NULL)
		return NULL;
	float *at = packed;
	for (size_t block = 0; block < n_blocks; block++)
		for (uint32_t in = 0; in < matrix->n_in; in++)
			for (uint32_t i = 0; i < width; i++) {
				uint32_t out = (uint32_t)block * width + i;
				*at++ = out < matrix->n_out ? element(matrix, out, in) : 0.0F;
			}
	return packed;
}

float *rk_pack_groups(struct rk_layout *layout, const struct rk_matrix *matrix)
{
	return pack_blocks(layout, matrix, RK_PACK);
}

float *rk_pack_panels(struct rk_layout *layout, const struct rk_matrix *matrix)
{
	return pack_blocks(layout, matrix, RK_PANEL);
}

float *rk_pack_rows(struct rk_layout *layout, const struct rk_matrix *matrix)
{
	return pack_blocks(layout, matrix, 1);
}

float *rk_pack_bias(struct rk_layout *layout, const float *bias, uint32_t n_out, float scale)
{
	size_t n = (size_t)rk_groups_of(n_out) * RK_PACK;
	float *packed = rk_layout_floats(layout, n, 1);
	if (packed == NULL)
		return NULL;
	memset(packed, 0, n * sizeof(*packed));
	for (uint32_t out = 0; out < n_out; out++)
		packed[out] = bias[out] * scale;
	return packed;
}

uint16_t *rk_pack_halves(struct rk_layout *layout, const struct rk_matrix *matrix)
{
	size_t n_rows = rk_half_rows_of(matrix->n_out);
	size_t stride = rk_halves_padded(matrix->n_in);
	uint16_t *halves = rk_layout_take(layout, n_rows, stride, sizeof(*halves));
	if (halves == NULL)
		return NULL;
	memset(halves, 0, n_rows * stride * sizeof(*halves));
	for (uint32_t out = 0; out < matrix->n_out; out++)
		for (uint32_t in = 0; in < matrix->n_in; in++)
			halves[out * stride + in] = rk_bf16_of_float(element(matrix, out, in));
	return halves;
}

struct rk_digits rk_take_digits(struct rk_layout *layout, uint32_t n_out, uint32_t n_in)
{
	size_t n_rows = rk_digit_rows_of(n_out), n_padded = rk_digits_padded(n_in);
	return (struct rk_digits){
		.tiles = rk_layout_take(layout, n_rows, n_padded, RK_N_DIGITS),
		.out_scales = rk_layout_floats(layout, n_rows, 1),
		.in_scales = rk_layout_floats(layout, n_padded, 1),
	};
}

static uint32_t magnitude(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits & 0x7fffffffU;
}

/* Row `out` of the tiles; column k is divided by in_scales[k]. */
static void pack_digit_row(const struct rk_matrix *matrix, uint32_t out, const struct rk_digits *digits)
{
	size_t n_steps = rk_digits_padded(matrix->n_in) / RK_DIGIT_STEP, tile = (size_t)RK_DIGIT_ROWS * RK_DIGIT_STEP;
	int8_t *row = digits->tiles + out / RK_DIGIT_ROWS * n_steps * RK_N_DIGITS * tile +
		      (size_t)(out % RK_DIGIT_ROWS) * RK_DIGIT_STEP;
	uint32_t largest = 0;
	for (uint32_t in = 0; in < matrix->n_in; in++) {
		uint32_t bits = magnitude(element(matrix, out, in) / digits->in_scales[in]);
		largest = bits > largest ? bits : largest;
	}
	digits->out_scales[out] = rk_digits_scale(largest);
	for (uint32_t in = 0; in < matrix->n_in; in++) {
		uint32_t bytes = rk_digits_of_float(element(matrix, out, in) / digits->in_scales[in],
						    rk_digits_exponent(largest));
		int8_t *at = row + in / RK_DIGIT_STEP * RK_N_DIGITS * tile + in % RK_DIGIT_STEP;
		for (size_t digit = 0; digit < RK_N_DIGITS; digit++)
			at[digit * tile] = (int8_t)(bytes >> (16 - 8 * digit));
	}
}

struct rk_digits rk_pack_digits(struct rk_layout *layout, const struct rk_matrix *matrix)
{
	const struct rk_digits digits = rk_take_digits(layout, matrix->n_out, matrix->n_in);
	uint32_t n_rows = rk_digit_rows_of(matrix->n_out), n_padded = rk_digits_padded(matrix->n_in);
	if (digits.tiles == NULL)
		return digits;
	memset(digits.tiles, 0, (size_t)n_rows * n_padded * RK_N_DIGITS);
	for (uint32_t in = 0; in < n_padded; in++) {
		uint32_t largest = 0;
		for (uint32_t out = 0; out < matrix->n_out && in < matrix->n_in; out++) {
			uint32_t bits = magnitude(element(matrix, out, in));
			largest = bits > largest ? bits : largest;
		}
		digits.in_scales[in] = rk_digits_balance(largest);
	}
	for (uint32_t out = 0; out < n_rows; out++) {
		if (out < matrix->n_out)
			pack_digit_row(matrix, out, &digits);
		else
			digits.out_scales[out] = rk_digits_scale(0);
	}
	return digits;
}

struct rk_product rk_pack_weights(struct rk_layout *layout, const struct rk_matrix *matrix, enum rk_form form)
{
	struct rk_product product = {.n_in = matrix->n_in, .n_out = matrix->n_out};
	if (form == RK_FORM_HALVES) {
		product.halves = rk_pack_halves(layout, matrix);
		product.half_stride = rk_halves_padded(matrix->n_in);
	} else if (form == RK_FORM_DIGITS && rk_digits_pay(matrix->n_in, matrix->n_out)) {
		product.digits = rk_pack_digits(layout, matrix);
	} else {
		product.weights = rk_pack_groups(layout, matrix);
		product.step_stride = RK_PACK;
		product.group_stride = (size_t)RK_PACK * matrix->n_in;
	}
	return product;
}

struct rk_product rk_pack_product(struct rk_layout *layout, const struct rk_matrix *matrix, const float *bias,
				  enum rk_form form)
{
	struct rk_product product = rk_pack_weights(layout, matrix, form);
	product.bias = rk_pack_bias(layout, bias, matrix->n_out, matrix->scale);
	return product;
}

struct rk_product rk_pack_linear(struct rk_layout *layout, const struct rk_linear *linear, uint32_t n_out,
				 uint32_t n_in, enum rk_form form)
{
	const struct rk_matrix matrix = {
		.data = linear->weight, .stride = n_in, .n_out = n_out, .n_in = n_in, .scale = 1.0F};
	return rk_pack_product(layout, &matrix, linear->bias, form);
}
