/* A layer over a panel, in the precision that its weights were packed for. */
#ifndef RK_MODEL_LAYER_H
#define RK_MODEL_LAYER_H

#include "model/model.h"
#include "model/scratch.h"

/* ret_y[n_out] ← the product over x[n_in]; the second with the activation on it. */
void rk_layer_run(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
		  const float *x, uint32_t n_lanes, float *ret_y);
void rk_layer_run_activated(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
			    enum rk_activation activation, const float *x, uint32_t n_lanes, float *ret_y);

#endif
