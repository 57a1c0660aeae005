/*
 * gru4rec: layers of gated recurrent units over the events (docs/model-format.md, section 3).
 *
 * What the input gives to the gates is one product a layer for all events; what the state gives is a product an event,
 * with the gates' outputs as lanes. Each gate begins a panel of its own, so the three lie side by side alike.
 */
#include "model/encoder.h"
#include "model/pack.h"

#include <string.h>

/* encoder.input_gates ← W_ih x of every event of a panel: [3 · panels of d][event][RK_PANEL]. */
static void compute_input_gates(const struct rk_model *model, const struct rk_packed_gru *gru,
				struct rk_scratch *scratch, uint32_t panel)
{
	uint32_t dim = model->config.dim;
	const struct rk_product of_events = {
		.weights = scratch->encoded + (size_t)panel * dim * RK_PANEL,
		.step_stride = RK_PANEL,
		.group_stride = RK_PACK,
		.n_in = dim,
		.n_out = rk_lanes_of(scratch->history.n_used, panel),
	};
	for (uint32_t i = 0; i < 3 * rk_panels_of(dim); i++)
		model->kernels->product(&of_events, gru->input + (size_t)i * dim * RK_PANEL, RK_PANEL,
					scratch->encoder.input_gates + (size_t)i * RK_PANEL * RK_PANEL);
}

/* One event: r = σ(i_r + h_r), z = σ(i_z + h_z), n = tanh(i_n + r ⊙ h_n), state ← (1 − z) ⊙ n + z ⊙ state. */
static void step(const struct rk_model *model, const struct rk_packed_gru *gru, struct rk_encoder_scratch *encoder,
		 uint32_t lane)
{
	uint32_t dim = model->config.dim, n_panels = rk_panels_of(dim), n = n_panels * RK_PANEL;
	const struct rk_product of_state = {
		.weights = encoder->state, .step_stride = 1, .group_stride = 0, .n_in = dim, .n_out = 1};
	float *hidden = encoder->hidden_gates;
	for (uint32_t i = 0; i < 3 * n_panels; i++) {
		model->kernels->product(&of_state, gru->hidden + (size_t)i * dim * RK_PANEL, RK_PANEL,
					hidden + (size_t)i * RK_PANEL);
		float *at = hidden + (size_t)i * RK_PANEL;
		const float *input = encoder->input_gates + ((size_t)i * RK_PANEL + lane) * RK_PANEL;
		const float *input_bias = gru->input_bias + (size_t)i * RK_PANEL;
		const float *hidden_bias = gru->hidden_bias + (size_t)i * RK_PANEL;
		for (uint32_t k = 0; k < RK_PANEL; k++)
			at[k] += hidden_bias[k] + (i < 2 * n_panels ? input[k] + input_bias[k] : 0.0F);
	}
	model->kernels->sigmoid(hidden, 2 * n_panels, RK_PANEL);
	float *reset = hidden, *update = hidden + n, *fresh = hidden + 2 * n;
	for (uint32_t k = 0; k < n; k++) {
		const float *input =
			encoder->input_gates + ((size_t)(2 * n_panels + k / RK_PANEL) * RK_PANEL + lane) * RK_PANEL;
		fresh[k] = input[k % RK_PANEL] + gru->input_bias[2 * n + k] + reset[k] * fresh[k];
	}
	model->kernels->tanh(fresh, n_panels, RK_PANEL);
	for (uint32_t k = 0; k < n; k++)
		encoder->state[k] = (1.0F - update[k]) * fresh[k] + update[k] * encoder->state[k];
}

static void run_layer(const struct rk_model *model, const struct rk_packed_gru *gru, struct rk_scratch *scratch)
{
	uint32_t dim = model->config.dim;
	memset(scratch->encoder.state, 0, (size_t)rk_panels_of(dim) * RK_PANEL * sizeof(float));
	for (uint32_t panel = 0; panel * RK_PANEL < scratch->history.n_used; panel++) {
		compute_input_gates(model, gru, scratch, panel);
		for (uint32_t lane = 0; lane < rk_lanes_of(scratch->history.n_used, panel); lane++) {
			step(model, gru, &scratch->encoder, lane);
			for (uint32_t k = 0; k < dim; k++)
				*rk_panel_at(scratch->encoded, dim, k, panel * RK_PANEL + lane) =
					scratch->encoder.state[k];
		}
	}
}

void rk_gru4rec_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	for (uint32_t i = 0; i < model->config.encoder.n_layers; i++)
		run_layer(model, &model->packed.gru[i], scratch);
	const struct rk_history *history = &scratch->history;
	rk_panels_pick(scratch->encoded, model->config.dim, history->reads, history->n_reads, scratch->encoded);
}
