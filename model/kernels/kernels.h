/*
 * The arithmetic of the model as one table of function pointers, filled for the tier that the processor has.
 *
 * The unit of work is a panel: a matrix [n_rows][RK_PANEL] of floats, aligned to 64 bytes, whose columns ("lanes") are
 * candidates of one block, tokens of the history, or outputs of a weight matrix; its rows are the dimensions. Sums run
 * down the rows of one lane, never across lanes, in a fixed order. So the bits of a lane's result depend neither on
 * its neighbours, nor on their number, nor on its place in the panel.
 *
 * n_lanes of 1 … RK_PANEL lanes are computed, rounded up to the tier's vector; the lanes past n_lanes hold whatever
 * comes out, and must be readable. Kernels are pure and allocate nothing. NaN in, NaN out: none hides a broken number.
 * Each tier is the same text (vector/) compiled over its own vector type (<tier>/vec.h); amx is avx512 with products of
 * its own.
 */
#ifndef RK_KERNELS_KERNELS_H
#define RK_KERNELS_KERNELS_H

#include "model/base/cpu.h"
#include "model/kernels/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RK_PANEL = 48, /* lanes of a panel: 3 vectors of AVX-512, 6 of AVX2, 12 of the scalar tier */
	RK_PACK = 8,   /* outputs of a packed group */
};

/* Weights in three digits each (model/base/digits.h). w[m][k] / in_scales[k] is out_scales[m] · (d₁ + d₂/256 +
 * d₃/256²): columns are first brought near 1 by a power of two, which the inputs are multiplied by, so that what counts
 * is how much an input can add to an output and not the size that it happens to have. */
struct rk_digits {
	int8_t *tiles; /* [n_out / 16][n_in / 64][RK_N_DIGITS, d₁ first][16][64], both rounded up, zeros behind; NULL:
			  none */
	float *out_scales; /* [n_out rounded up to RK_DIGIT_ROWS] */
	float *in_scales;  /* [n_in rounded up to RK_DIGIT_STEP] powers of two */
};

enum { RK_N_DIGITS = 3, RK_DIGIT_ROWS = 16, RK_DIGIT_STEP = 64, RK_MAX_DIGIT_INPUTS = 32768 };

/* Inputs and outputs of a product over digits, rounded up to whole tiles. */
static inline uint32_t rk_digits_padded(uint32_t n_in)
{
	return (n_in + RK_DIGIT_STEP - 1) / RK_DIGIT_STEP * RK_DIGIT_STEP;
}

static inline uint32_t rk_digit_rows_of(uint32_t n_out)
{
	return (n_out + RK_DIGIT_ROWS - 1) / RK_DIGIT_ROWS * RK_DIGIT_ROWS;
}

/* Where digits are faster than float multiply-adds; beyond RK_MAX_DIGIT_INPUTS their sums could overflow. */
static inline bool rk_digits_pay(uint32_t n_in, uint32_t n_out)
{
	enum { LEAST_INPUTS = 56, LEAST_OUTPUTS = 32 };
	return n_in >= LEAST_INPUTS && n_in <= RK_MAX_DIGIT_INPUTS && n_out >= LEAST_OUTPUTS;
}

/* A matrix [n_out, n_in] of weights as the product reads it: groups of RK_PACK outputs; output m, input k is at
 * weights[m / RK_PACK · group_stride + k · step_stride + m % RK_PACK].
 * Packed at load: step_stride = RK_PACK, group_stride = RK_PACK · n_in (or more). A panel whose lanes are the outputs
 * serves as it is: step_stride = RK_PANEL, group_stride = RK_PACK. */
struct rk_product {
	const float *weights;
	size_t step_stride, group_stride; /* floats */
	const float *bias;                /* [n_out] or NULL: zeros */
	uint32_t n_in, n_out;
	/* instead of `weights`, for product_halves: bfloat16 rows [n_out rounded up to RK_HALF_ROWS][half_stride],
	 * zeros behind n_in and n_out; half_stride = rk_halves_padded(n_in) or more */
	const uint16_t *halves;
	size_t half_stride;      /* elements */
	struct rk_digits digits; /* instead of `weights`, for product_digits */
};

enum { RK_HALF_ROWS = 16, RK_HALF_STEP = 32 };

/* Inputs of a bfloat16 product, rounded up to whole steps. */
static inline uint32_t rk_halves_padded(uint32_t n_in)
{
	return (n_in + RK_HALF_STEP - 1) / RK_HALF_STEP * RK_HALF_STEP;
}

/* Rows of a table as the lanes of a panel. */
struct rk_gather {
	const void *const *rows; /* [n_lanes] each [n_dims], any alignment of its element */
	uint32_t n_lanes, n_dims;
	float *ret_panel; /* [n_dims][RK_PANEL] */
};

struct rk_norm {
	const float *weight, *bias; /* [n_rows] */
	float eps;
};

struct rk_kernels {
	/* product.c: y[m][lane] = bias[m] + Σ_k w[m][k] x[k][lane] */
	void (*product)(const struct rk_product *product, const float *x, uint32_t n_lanes, float *ret_y);
	/* the same with relu, gelu, gelu_tanh, silu on it */
	void (*product_activate[4])(const struct rk_product *product, const float *x, uint32_t n_lanes, float *ret_y);
	/* the same written as packed weights, lanes as outputs: y[m][lane] goes to
	 * ret_packed[lane / RK_PACK · group_stride + m · RK_PACK + lane % RK_PACK]; lanes rounded up to 16 */
	void (*product_pack)(const struct rk_product *product, const float *x, uint32_t n_lanes, size_t group_stride,
			     float *ret_packed);

	/* halves.c: a panel as pairs of bfloat16, [rk_halves_padded(n_rows) / 2][RK_PANEL], row 2k in the low half of
	 * pair k, rounded to nearest even, zeros behind n_rows; and the product over product->halves, sums in float.
	 * The bits of a lane's result are its own here too, but tiers differ in the order of a few additions:
	 * |difference| ≤ n_in · 2⁻²³ · Σ |w x|. `activate`, one of the table's or NULL, is applied to y.
	 * More than RK_PANEL lanes stand in panels one after the other, in x, the pairs and y: weights may then be read
	 * once for all of them. */
	void (*pairs)(const float *x, uint32_t n_rows, uint32_t n_lanes, uint32_t *ret_pairs);
	void (*product_halves)(const struct rk_product *product, const uint32_t *pairs, uint32_t n_lanes,
			       void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes), float *ret_y);
	/* n floats in a row, any alignment, rounded to bfloat16 */
	void (*halve)(const float *x, size_t n, uint16_t *ret_halves);

	/* digits.c, of the amx tier only, NULL elsewhere: float products by whole numbers. Of the nine products of
	 * digits the six that matter are added up, exactly; |error| ≤ n_in · 2⁻²⁰ · max_k |w[m][k] / s[k]| ·
	 * max_k |s[k] x[k][lane]|, s = in_scales, and as a rule about that of float sums. A lane that holds a number
	 * which is not finite gives NaN. Inputs become [rk_digits_padded(n_in) / 64][RK_N_DIGITS][16][RK_PANEL] quads,
	 * input 4k in the lowest byte, and a scale for each lane. `activate`, one of the table's or NULL, is applied to
	 * y. More than RK_PANEL lanes stand in panels one after the other, here and in x and y: weights are then read
	 * once for all of them. */
	void (*digits)(const struct rk_product *product, const float *x, uint32_t n_lanes, uint32_t *ret_quads,
		       float *ret_scales);
	void (*product_digits)(const struct rk_product *product, const uint32_t *quads, const float *scales,
			       uint32_t n_lanes, void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes),
			       float *ret_y);
	/* rows [n_out][stride] as weights in digits; the three arrays of *ret_digits are written, to their ends */
	void (*pack_digits)(const float *rows, size_t stride, uint32_t n_out, uint32_t n_in,
			    const struct rk_digits *ret_digits);

	/* activation.c: y ← act(y) on every element */
	void (*activate[4])(float *y, uint32_t n_rows, uint32_t n_lanes);
	void (*sigmoid)(float *y, uint32_t n_rows, uint32_t n_lanes);
	void (*tanh)(float *y, uint32_t n_rows, uint32_t n_lanes);

	/* softmax.c: down each lane, the maximum subtracted; causal: in lane i rows up to places[i] count, the others
	 * turn 0; places ascend, are whole numbers, and stand for all lanes of the panel */
	void (*softmax)(float *y, uint32_t n_rows, uint32_t n_lanes);
	void (*softmax_causal)(float *y, uint32_t n_rows, const float *places, uint32_t n_lanes);

	/* norm.c: y = (x − mean) / √(var + eps) · weight[row] + bias[row], var biased, in two passes; y may be x */
	void (*layer_norm)(const float *x, const struct rk_norm *norm, uint32_t n_rows, uint32_t n_lanes, float *ret_y);

	/* gather.c: one for each enum rk_dtype */
	void (*gather[3])(const struct rk_gather *gather);

	/* elementwise.c, on n_rows of a panel */
	void (*add)(const float *x, uint32_t n_rows, uint32_t n_lanes, float *y); /* y ← y + x */
	void (*scale)(const float *x, const float *factors, uint32_t n_rows, uint32_t n_lanes,
		      float *ret_y); /* y ← factors[row] · x */
	void (*cross)(const float *x0, const float *w, uint32_t n_rows, uint32_t n_lanes,
		      float *x); /* x ← x0 ⊙ w + x */
	void (*mix)(const float *x, const float *gate, uint32_t n_rows, uint32_t n_lanes,
		    float *y); /* y ← y + gate[lane] x */

	/* elementwise.c, on n floats in a row, any alignment: y = a + b ⊙ c */
	void (*blend)(const float *a, const float *b, const float *c, size_t n, float *ret_y);

	/* peak.c, for benchmarks: multiply-adds on registers alone, n_steps for each sum of a tile; returns the
	 * floating point operations done; the sum is there to keep them from being left out */
	double (*peak)(uint64_t n_steps, float *ret_sum);
};

/* Of n_lanes lanes in panels one after the other, those of one panel. */
static inline uint32_t rk_lanes_of(uint32_t n_lanes, uint32_t panel)
{
	uint32_t left = n_lanes - panel * RK_PANEL;
	return left < RK_PANEL ? left : RK_PANEL;
}

/* The table of `tier`, which this processor must have (rk_cpu_choose checks). Static. */
const struct rk_kernels *rk_kernels_of(enum rk_cpu_tier tier);

/* For tests: AVX-512 without AVX-512-BF16, NULL where this processor lacks it. */
const struct rk_kernels *rk_kernels_plain_avx512(void);

#endif
