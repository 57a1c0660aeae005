/*
 * The arithmetic of the model as one table of function pointers: the scalar tier fills all of it, a higher tier
 * overrides what it does better (the idea of dav1d's ladder). Which file of a tier's folder holds which kernel is
 * named below. Kernels are pure, allocate nothing, take any length including 0, and work on float32; unless said
 * otherwise outputs may not overlap inputs. NaN in, NaN out: no kernel hides a value that left the floats.
 * Matrix products are apart: model/kernels/dense.h.
 */
#ifndef RK_KERNELS_KERNELS_H
#define RK_KERNELS_KERNELS_H

#include "model/base/cpu.h"

#include <stddef.h>

/* x[n] ← act(x) in place */
typedef void (*rk_activate_fn)(float *x, size_t n);

/* ret_y[n] ← the n values of `row`, widened to float32 */
typedef void (*rk_widen_fn)(const void *row, size_t n, float *ret_y);

/* One query of one head against n_keys keys: out = softmax(q Kᵀ · scale) V. */
struct rk_attend {
	const float *query;  /* [head_dim] */
	const float *keys;   /* [n_keys, head_dim], rows `stride` floats apart */
	const float *values; /* likewise */
	size_t n_keys;       /* ≥ 1 */
	size_t head_dim, stride;
	float scale;
	float *scores;  /* [n_keys] scratch */
	float *ret_out; /* [head_dim] */
};

struct rk_kernels {
	/* activation.c; gelu is exact (erf), gelu_tanh its tanh approximation */
	rk_activate_fn relu, gelu, gelu_tanh, silu;

	/* sigmoid.c: y = 1 / (1 + exp(−x)), stable on both sides; y may be x */
	void (*sigmoid)(const float *x, size_t n, float *ret_y);

	/* softmax.c: in place, the maximum subtracted */
	void (*softmax)(float *x, size_t n);

	/* norm.c: y = (x − mean) / √(var + eps) · weight + bias, var biased and in two passes; y may be x; n ≥ 1 */
	void (*layer_norm)(const float *x, const float *weight, const float *bias, size_t n, float eps, float *ret_y);

	/* attention.c */
	void (*attend)(const struct rk_attend *attend);

	/* gather.c */
	rk_widen_fn widen_f32, widen_f16, widen_bf16;

	/* elementwise.c */
	void (*add)(const float *x, size_t n, float *y);                          /* y ← y + x */
	void (*scale)(float factor, size_t n, float *x);                          /* x ← factor · x */
	void (*axpy)(float factor, const float *x, size_t n, float *y);           /* y ← y + factor · x */
	void (*multiply)(const float *a, const float *b, size_t n, float *ret_y); /* y ← a ⊙ b */
	void (*multiply_add)(const float *a, const float *b, size_t n, float *y); /* y ← y + a ⊙ b */
	float (*dot)(const float *a, const float *b, size_t n);                   /* Σ a ⊙ b */

	/* gru.c: gates [3, n] in the order r, z, n, from the input and from the state, biases in both:
	 * r = σ(ir + hr), z = σ(iz + hz), g = tanh(in + r ⊙ hn), state ← (1 − z) ⊙ g + z ⊙ state */
	void (*gru_step)(const float *input_gates, const float *hidden_gates, size_t n, float *state);
};

/* Fills the whole table for `tier`, which this processor must have (rk_cpu_choose checks). */
void rk_kernels_init(struct rk_kernels *ret_kernels, enum rk_cpu_tier tier);

#endif
