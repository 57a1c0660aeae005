/* A layer over a panel, in the form that its weights were packed in. */
#ifndef RK_MODEL_LAYER_H
#define RK_MODEL_LAYER_H

#include "model/model.h"
#include "model/scratch.h"

/* ret_y[n_out] ← the product over x[n_in]; the second with the activation on it. More than RK_PANEL lanes stand in
 * panels one after the other, in x and in y. */
void rk_layer_run(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
		  const float *x, uint32_t n_lanes, float *ret_y);
void rk_layer_run_activated(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
			    enum rk_activation activation, const float *x, uint32_t n_lanes, float *ret_y);

/* rows [n_out][stride] of n_in weights in the form of the model, which is not that of floats, and back as a layer
 * without a bias. */
void rk_layer_round(const struct rk_model *model, const float *rows, size_t stride, uint32_t n_out, uint32_t n_in,
		    const struct rk_rounded *ret_rounded);
struct rk_product rk_layer_of(const struct rk_rounded *rounded, uint32_t n_out, uint32_t n_in);

#endif
