#include "model/layer.h"

#include <string.h>

enum { NOT_ACTIVATED = -1 };

/* One panel, or where the form is not that of floats RK_LAYER_PANELS of them. */
static void run(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
		int activation, const float *x, uint32_t n_lanes, float *ret_y)
{
	const struct rk_kernels *kernels = model->kernels;
	void (*activate)(float *, uint32_t, uint32_t) =
		activation == NOT_ACTIVATED ? NULL : kernels->activate[activation];
	if (layer->digits.tiles != NULL) {
		kernels->digits(layer, x, n_lanes, scratch->inputs, scratch->input_scales);
		kernels->product_digits(layer, scratch->inputs, scratch->input_scales, n_lanes, activate, ret_y);
	} else if (layer->halves != NULL) {
		kernels->pairs(x, layer->n_in, n_lanes, scratch->inputs);
		kernels->product_halves(layer, scratch->inputs, n_lanes, activate, ret_y);
	} else if (activate != NULL) {
		kernels->product_activate[activation](layer, x, n_lanes, ret_y);
	} else {
		kernels->product(layer, x, n_lanes, ret_y);
	}
}

static void run_panels(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
		       int activation, const float *x, uint32_t n_lanes, float *ret_y)
{
	const bool is_of_floats = layer->digits.tiles == NULL && layer->halves == NULL;
	const uint32_t at_once = is_of_floats ? RK_PANEL : RK_LAYER_PANELS * RK_PANEL;
	for (uint32_t first = 0; first < n_lanes; first += at_once)
		run(model, scratch, layer, activation, x + (size_t)first * layer->n_in,
		    n_lanes - first < at_once ? n_lanes - first : at_once, ret_y + (size_t)first * layer->n_out);
}

void rk_layer_run(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
		  const float *x, uint32_t n_lanes, float *ret_y)
{
	run_panels(model, scratch, layer, NOT_ACTIVATED, x, n_lanes, ret_y);
}

void rk_layer_run_activated(const struct rk_model *model, struct rk_scratch *scratch, const struct rk_product *layer,
			    enum rk_activation activation, const float *x, uint32_t n_lanes, float *ret_y)
{
	run_panels(model, scratch, layer, (int)activation, x, n_lanes, ret_y);
}

/* Behind n_in the product reads zeros up to a whole step. */
static void halve_rows(const struct rk_kernels *kernels, const float *rows, size_t stride, uint32_t n_out,
		       uint32_t n_in, const struct rk_rounded *ret_rounded)
{
	uint16_t *halves = ret_rounded->halves;
	for (uint32_t out = 0; out < n_out; out++, rows += stride, halves += ret_rounded->half_stride) {
		kernels->halve(rows, n_in, halves);
		memset(halves + n_in, 0, (rk_halves_padded(n_in) - n_in) * sizeof(*halves));
	}
}

void rk_layer_round(const struct rk_model *model, const float *rows, size_t stride, uint32_t n_out, uint32_t n_in,
		    const struct rk_rounded *ret_rounded)
{
	if (ret_rounded->halves != NULL)
		halve_rows(model->kernels, rows, stride, n_out, n_in, ret_rounded);
	else
		model->kernels->pack_digits(rows, stride, n_out, n_in, &ret_rounded->digits);
}

struct rk_product rk_layer_of(const struct rk_rounded *rounded, uint32_t n_out, uint32_t n_in)
{
	return (struct rk_product){
		.n_in = n_in,
		.n_out = n_out,
		.halves = rounded->halves,
		.half_stride = rounded->half_stride,
		.digits = rounded->digits,
	};
}
