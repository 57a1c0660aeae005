/* The parts of the oracle: arithmetic (oracle_math.c), the user side (oracle_user.c), candidates (oracle.c). */
#ifndef RK_TESTS_MODEL_ORACLE_PARTS_H
#define RK_TESTS_MODEL_ORACLE_PARTS_H

#include "tests/unit/model/oracle.h"

enum { ORACLE_MAX_EVENTS = 200, ORACLE_MAX_WIDTH = 1024 };

struct oracle_state {
	const struct rk_model *model;
	const struct rk_rank_input *input;
	uint32_t n_used;
	int32_t rows[ORACLE_MAX_EVENTS];
	bool actions[ORACLE_MAX_EVENTS][256];
	double h[ORACLE_MAX_EVENTS][ORACLE_MAX_WIDTH];
	double u[ORACLE_MAX_WIDTH], c[ORACLE_MAX_WIDTH];
	uint32_t n_selected[RK_N_POLARITIES];
	uint32_t selected[RK_N_POLARITIES][ORACLE_MAX_EVENTS];
};

/* y = x Wᵀ + b */
void oracle_linear(const struct rk_linear *layer, uint32_t n_in, uint32_t n_out, const double *x, double *y);

/* In place, with the eps of the encoder. */
void oracle_layer_norm(const struct oracle_state *s, const struct rk_layer_norm *norm, double *x);

/* In place. */
void oracle_softmax(double *x, uint32_t n);

/* e = row of the item table */
void oracle_item(const struct rk_model *model, int32_t row, double *e);

/* out = concat over heads of softmax(q Kᵀ / √(d/heads)) V */
void oracle_attend(uint32_t d, uint32_t n_heads, const double *q, double (*k)[ORACLE_MAX_WIDTH],
		   double (*v)[ORACLE_MAX_WIDTH], uint32_t n, double *out);

/* Sections 2 to 4, in this order. */
void oracle_keep_history(struct oracle_state *s, struct oracle_result *result);
void oracle_select_feedback(struct oracle_state *s);
void oracle_encode(struct oracle_state *s);

#endif
