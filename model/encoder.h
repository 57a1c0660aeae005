/*
 * The user side of the sequence: event vectors, encoder, user vector (docs/model-format.md, sections 2 and 3).
 * Events are the lanes of panels. Each encoder takes x of all L events in scratch->encoded and leaves there H of the
 * events in history.reads, in the first n_reads lanes, and u in scratch->user. The history holds at least one event.
 */
#ifndef RK_MODEL_ENCODER_H
#define RK_MODEL_ENCODER_H

#include "model/model.h"
#include "model/scratch.h"

/* From scratch->history: u, or the cold start's; and H where it is read. */
void rk_encoder_run(const struct rk_model *model, struct rk_scratch *scratch);

void rk_sasrec_run(const struct rk_model *model, struct rk_scratch *scratch);
void rk_gru4rec_run(const struct rk_model *model, struct rk_scratch *scratch);
void rk_mean_run(const struct rk_model *model, struct rk_scratch *scratch);

/* Element (row, lane) of panels of n_rows rows. */
static inline float *rk_panel_at(float *panels, uint32_t n_rows, uint32_t row, uint32_t lane)
{
	return panels + ((size_t)(lane / RK_PANEL) * n_rows + row) * RK_PANEL + lane % RK_PANEL;
}

/* ret_panels[row][i] ← panels[row][lanes[i]]; in place where lanes ascend. */
void rk_panels_pick(const float *panels, uint32_t n_rows, const uint32_t *lanes, uint32_t n, float *ret_panels);

#endif
