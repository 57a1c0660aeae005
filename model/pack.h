/*
 * Weights in the orders that the product kernel reads: packed groups (a [n_out, n_in] matrix as weights) and panels
 * (the same matrix transposed, its outputs as lanes, as the right-hand side), or rows in bfloat16 or in digits. All
 * packing is done once at load.
 * Every function takes its place from `layout` and only counts while layout->memory is NULL.
 */
#ifndef RK_MODEL_PACK_H
#define RK_MODEL_PACK_H

#include "model/kernels/kernels.h"
#include "model/layout.h"
#include "model/plan.h"
#include "model/weights.h"

/* A part of a [out, in] weight matrix. Its outputs are consecutive rows of `data`, or scattered ones (`rows`). */
struct rk_matrix {
	const float *data;            /* whole matrix; NULL where `rows` is given, and while counting */
	size_t stride;                /* floats from one output to the next */
	const float *const *rows;     /* [n_out] or NULL */
	uint32_t first_out, first_in; /* where the part begins */
	uint32_t n_out, n_in;         /* its size */
	const uint32_t *in_order;     /* [n_in] columns in this order, or NULL; first_in is then 0 */
	float scale;                  /* multiplies every element */
};

static inline uint32_t rk_panels_of(uint32_t n)
{
	return (n + RK_PANEL - 1) / RK_PANEL;
}

static inline uint32_t rk_half_rows_of(uint32_t n)
{
	return (n + RK_HALF_ROWS - 1) / RK_HALF_ROWS * RK_HALF_ROWS;
}

static inline uint32_t rk_groups_of(uint32_t n)
{
	return (n + RK_PACK - 1) / RK_PACK;
}

/* [rk_groups_of(n_out)][n_in][RK_PACK], zeros where the last group has no output. */
float *rk_pack_groups(struct rk_layout *layout, const struct rk_matrix *matrix);

/* [rk_panels_of(n_out)][n_in][RK_PANEL], zeros where the last panel has no output. */
float *rk_pack_panels(struct rk_layout *layout, const struct rk_matrix *matrix);

/* [n_out][n_in] as it is. */
float *rk_pack_rows(struct rk_layout *layout, const struct rk_matrix *matrix);

/* [n_out] scaled, zeros up to whole groups. */
float *rk_pack_bias(struct rk_layout *layout, const float *bias, uint32_t n_out, float scale);

/* bfloat16 rows [n_out rounded up to RK_HALF_ROWS][rk_halves_padded(n_in)], zeros behind both. */
uint16_t *rk_pack_halves(struct rk_layout *layout, const struct rk_matrix *matrix);

/* Places for weights in digits. */
struct rk_digits rk_take_digits(struct rk_layout *layout, uint32_t n_out, uint32_t n_in);

/* The matrix in digits. */
struct rk_digits rk_pack_digits(struct rk_layout *layout, const struct rk_matrix *matrix);

/* The matrix as weights of a product in `form`, without a bias; where digits do not pay, in groups. */
struct rk_product rk_pack_weights(struct rk_layout *layout, const struct rk_matrix *matrix, enum rk_form form);

/* The same with a bias [n_out], which is scaled too. */
struct rk_product rk_pack_product(struct rk_layout *layout, const struct rk_matrix *matrix, const float *bias,
				  enum rk_form form);

/* A whole linear layer. */
struct rk_product rk_pack_linear(struct rk_layout *layout, const struct rk_linear *linear, uint32_t n_out,
				 uint32_t n_in, enum rk_form form);

#endif
