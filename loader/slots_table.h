/*
 * The table behind loader/slots.h. A row: the name's pattern, when the config calls for it, the loop that it runs
 * through, the shape in symbols, and the member that takes the pointer, as an offset in the struct of the loop's
 * elements. Private to loader/slots*.c.
 */
#ifndef RK_LOADER_SLOTS_TABLE_H
#define RK_LOADER_SLOTS_TABLE_H

#include "loader/slots.h"

/* What a pattern runs through, what {0} and {1} stand for, and the struct that the place is an offset in. */
enum rk_slot_loop {
	RK_LOOP_ONCE,             /* struct rk_slot_target */
	RK_LOOP_BLOCKS,           /* {0}: layer; struct rk_block_weights */
	RK_LOOP_GRU_LAYERS,       /* {0}: layer; struct rk_gru_weights */
	RK_LOOP_USER_TABLES,      /* {0}: categorical feature; const float * */
	RK_LOOP_CANDIDATE_TABLES, /* likewise */
	RK_LOOP_CROSS_LAYERS,     /* {0}: layer; struct rk_linear */
	RK_LOOP_HIDDEN_LAYERS,    /* {0}: layer; struct rk_linear */
	RK_LOOP_EXPERT_LAYERS,    /* {0}: expert, {1}: layer; struct rk_linear */
	RK_LOOP_GATES,            /* {0}: signal; struct rk_linear */
	RK_LOOP_TOWER_LAYERS,     /* {0}: signal, {1}: layer; struct rk_linear */
	RK_LOOP_TOWER_OUTS,       /* {0}: signal; struct rk_linear */
};

/* When the config calls for it; a loop without elements calls for nothing by itself. */
enum rk_slot_when {
	RK_WHEN_ALWAYS,
	RK_WHEN_POSITION,
	RK_WHEN_ACTIONS,
	RK_WHEN_INPUT_NORM,
	RK_WHEN_FINAL_NORM,
	RK_WHEN_ATTENDS_POSITIVE,
	RK_WHEN_ATTENDS_NEGATIVE,
	RK_WHEN_HAS_HEADS, /* mlp and dcn_v2: hidden layers and heads of their own */
	RK_WHEN_DOT,
};

/* A dimension. Those of a layer, a table or a feature depend on where the loop stands. */
enum rk_slot_dim {
	RK_DIM_NONE,
	RK_DIM_V,
	RK_DIM_V_PLUS_1,
	RK_DIM_N_BYTES,
	RK_DIM_D,
	RK_DIM_D_TIMES_3,
	RK_DIM_HISTORY,
	RK_DIM_N_ACTIONS,
	RK_DIM_FFN,
	RK_DIM_WIDTH, /* of z */
	RK_DIM_N_SIGNALS,
	RK_DIM_N_EXPERTS,
	RK_DIM_ONE,
	RK_DIM_LAST_HIDDEN,
	RK_DIM_LAST_TOWER,
	RK_DIM_HIDDEN_OUT,
	RK_DIM_HIDDEN_IN,
	RK_DIM_TOWER_OUT,
	RK_DIM_TOWER_IN,
	RK_DIM_N_VALUES_PLUS_1,
	RK_DIM_FEATURE,
};

struct rk_slot {
	const char *pattern;
	enum rk_slot_kind kind;
	enum rk_slot_need need;
	enum rk_slot_when when;
	enum rk_slot_loop loop;
	enum rk_slot_dim dims[2];
	size_t place;
};

extern const struct rk_slot rk_slot_table[];
extern const size_t rk_slot_table_n;

/* How often a loop runs: {0} takes n_i values, {1} n_j. */
struct rk_slot_counts {
	uint32_t n_i, n_j;
};
struct rk_slot_counts rk_slot_counts_of(const struct rk_config *config, enum rk_slot_loop loop);

#endif
