#include "model/layer.h"

void rk_layer_run(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
		  const float *x, uint32_t n_lanes, float *ret_y)
{
	if (layer->halves == NULL) {
		model->kernels->product(layer, x, n_lanes, ret_y);
		return;
	}
	model->kernels->pairs(x, layer->n_in, n_lanes, scratch->pairs);
	model->kernels->product_halves(layer, scratch->pairs, n_lanes, ret_y);
}

void rk_layer_run_activated(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
			    enum rk_activation activation, const float *x, uint32_t n_lanes, float *ret_y)
{
	if (layer->halves == NULL) {
		model->kernels->product_activate[activation](layer, x, n_lanes, ret_y);
		return;
	}
	rk_layer_run(model, scratch, layer, x, n_lanes, ret_y);
	model->kernels->activate[activation](ret_y, layer->n_out, n_lanes);
}
