/*
 * The layers that read z_i (mlp: hidden 0; dcn_v2: cross 0; mmoe: hidden 0 of all experts, and all gates), with all
 * that one request's candidates share folded into their weights and bias: y = b' + W' [e ; f ; rows of t⁺ ; rows of
 * t⁻].
 */
#ifndef RK_MODEL_FIRST_LAYER_H
#define RK_MODEL_FIRST_LAYER_H

#include "model/model.h"
#include "model/scratch.h"

/* Once per scratch: the columns that no request changes. */
void rk_first_layer_init(const struct rk_model *model, struct rk_scratch *scratch);

/* Once per request, after target attention chose its forms; u and c stand in scratch->user. */
void rk_first_layer_fold(const struct rk_model *model, struct rk_scratch *scratch);

/* The i-th of them as a product over the block's panel from e on. */
struct rk_product rk_first_layer_product(const struct rk_model *model, const struct rk_scratch *scratch, uint32_t i);

/* Private to this module: forms other than floats, in model/first_layer_rows.c. */
void rk_first_layer_init_rows(const struct rk_model *model, struct rk_scratch *scratch, uint32_t i);
void rk_first_layer_fold_rows(const struct rk_model *model, struct rk_scratch *scratch, uint32_t i);

#endif
