/*
 * The user side of the sequence: event vectors, encoder, user vector (docs/model-format.md, sections 2 and 3).
 * Each encoder takes x [L, d] in scratch->encoder.states and leaves there H of the events in history.reads, one row
 * after the other, and u in scratch->user. The history holds at least one event.
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

/* Moves the rows of the events that are read to the front of states. */
void rk_encoder_keep_reads(const struct rk_history *history, size_t dim, float *states);

#endif
