/* H_j = x_j, u = the mean of x_j. */
#include "model/encoder.h"

void rk_mean_run(const struct rk_model *model, struct rk_scratch *scratch)
{
	const struct rk_history *history = &scratch->history;
	uint32_t dim = model->config.dim;
	for (uint32_t k = 0; k < dim; k++) {
		float sum = 0.0F;
		for (uint32_t event = 0; event < history->n_used; event++)
			sum += *rk_panel_at(scratch->encoded, dim, k, event);
		scratch->user[k] = sum / (float)history->n_used;
	}
	rk_panels_pick(scratch->encoded, dim, history->reads, history->n_reads, scratch->encoded);
}
