/* H_j = x_j, u = mean of x_j. Summed in chunks, so that rounding does not grow with the length of the history. */
#include "model/encoder.h"
#include "model/kernels/kernels.h"

#include <string.h>

void rk_mean_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	const struct rk_kernels *kernels = model->kernels;
	const struct rk_history *history = &scratch->history;
	float *states = scratch->encoder.states;
	float *partial = scratch->encoder.chunk;
	size_t dim = model->config.dim;
	uint32_t chunk = model->plan.chunk_rows;
	memset(scratch->user, 0, dim * sizeof(float));
	for (uint32_t first = 0; first < history->n_used; first += chunk) {
		uint32_t end = history->n_used - first < chunk ? history->n_used : first + chunk;
		memcpy(partial, states + first * dim, dim * sizeof(float));
		for (uint32_t event = first + 1; event < end; event++)
			kernels->add(states + event * dim, dim, partial);
		kernels->add(partial, dim, scratch->user);
	}
	kernels->scale(1.0F / (float)history->n_used, dim, scratch->user);
	rk_encoder_keep_reads(history, dim, states);
}
