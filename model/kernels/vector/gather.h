/*
 * Rows of a table become the lanes of a panel: a transposition of VEC_LANES × VEC_LANES blocks in registers.
 * Included by <tier>/gather.c after <tier>/vec.h; <tier>/transpose.h gives
 *     transpose(vec block[VEC_LANES])            in place
 *     load_f32/f16/bf16(row, first, n)           n ≤ VEC_LANES values from the first, widened; zeros behind them
 */
#include "model/kernels/vector/declare.h"

#include <stdint.h>

#define GATHER(name, load)                                                                                             \
	void RK_TIER(name)(const struct rk_gather *g)                                                                  \
	{                                                                                                              \
		for (uint32_t lane = 0; lane < g->n_lanes; lane += VEC_LANES)                                          \
			for (uint32_t dim = 0; dim < g->n_dims; dim += VEC_LANES) {                                    \
				uint32_t n = g->n_dims - dim < VEC_LANES ? g->n_dims - dim : VEC_LANES;                \
				vec block[VEC_LANES];                                                                  \
				UNROLL_LANES for (uint32_t i = 0; i < VEC_LANES; i++) block[i] =                       \
					load(g->rows[lane + i], dim, n);                                               \
				transpose(block);                                                                      \
				float *at = g->ret_panel + dim * (size_t)RK_PANEL + lane;                              \
				for (uint32_t i = 0; i < n; i++)                                                       \
					vec_store(at + i * RK_PANEL, block[i]);                                        \
			}                                                                                              \
	}

#define UNROLL_LANES _Pragma("GCC unroll 16")

GATHER(gather_f32, load_f32)
GATHER(gather_f16, load_f16)
GATHER(gather_bf16, load_bf16)
