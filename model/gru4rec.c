/*
 * GRU layers one after the other over x, in place. The input's gates are one product for a chunk of events,
 * the state's gates have to be computed event by event.
 */
#include "model/encoder.h"
#include "model/layer.h"

#include <string.h>

/* Where the state after `event` goes: over x in a layer below the last, among the rows that are read in the last. */
struct output {
	const struct rk_history *history;
	float *states;
	size_t dim;
	bool last;
	uint32_t n_written;
};

static void write_state(struct output *output, uint32_t event, const float *state)
{
	if (output->last) {
		if (event != output->history->reads[output->n_written])
			return;
		event = output->n_written++;
	}
	memcpy(output->states + event * output->dim, state, output->dim * sizeof(float));
}

static void run_layer(const struct rk_model *model, struct rk_encoder_scratch *scratch,
		      const struct rk_gru_weights *weights, struct output *output)
{
	uint32_t dim = model->config.dim;
	uint32_t chunk = model->plan.chunk_rows;
	uint32_t n_events = output->history->n_used;
	struct rk_dense input = rk_layer_dense(&weights->input, dim, 3 * dim);
	struct rk_dense hidden = rk_layer_dense(&weights->hidden, dim, 3 * dim);
	memset(scratch->state, 0, dim * sizeof(float));
	for (uint32_t first = 0; first < n_events; first += chunk) {
		uint32_t n_rows = n_events - first < chunk ? n_events - first : chunk;
		rk_layer_apply(&input, scratch->states + (size_t)first * dim, n_rows, NULL, scratch->input_gates);
		for (uint32_t row = 0; row < n_rows; row++) {
			rk_layer_apply(&hidden, scratch->state, 1, NULL, scratch->hidden_gates);
			model->kernels->gru_step(scratch->input_gates + (size_t)row * 3 * dim, scratch->hidden_gates,
						 dim, scratch->state);
			write_state(output, first + row, scratch->state);
		}
	}
}

void rk_gru4rec_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	struct rk_encoder_scratch *encoder = &scratch->encoder;
	for (uint32_t layer = 0; layer < model->config.encoder.n_layers; layer++) {
		struct output output = {
			.history = &scratch->history,
			.states = encoder->states,
			.dim = model->config.dim,
			.last = layer + 1 == model->config.encoder.n_layers,
		};
		run_layer(model, encoder, &model->weights.gru[layer], &output);
	}
	memcpy(scratch->user, encoder->state, model->config.dim * sizeof(float));
}
