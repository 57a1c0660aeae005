/*
 * The product of bfloat16 pairs with AMX: a tile instruction multiplies 16 outputs × 32 inputs by 32 inputs × 16 lanes.
 * Weights are rows of outputs, which is what the first operand wants; a panel of pairs is what the second wants, as it
 * lies.
 */
#include "model/kernels/amx/tiles.h"
#include "model/kernels/amx/variants.h"
#include "model/kernels/avx512/vec.h"

#include <string.h>

enum { TILE_INPUTS = 32 };

/* Rows of 16 floats with the output's bias in each. */
static inline __attribute__((always_inline)) void fill_bias(const struct rk_product *p, uint32_t m, uint32_t n,
							    float rows[TILE_OUTPUTS * TILE_LANES])
{
	for (uint32_t row = 0; row < TILE_OUTPUTS; row++)
		vec_store(rows + row * TILE_LANES, vec_set1(p->bias == NULL || row >= n ? 0.0F : p->bias[m + row]));
}

#define LOAD_BIAS(tile) _tile_loadd(tile, bias, TILE_LANES * sizeof(float))

/* 16 outputs over all three vectors of lanes. */
static void run_three(const struct rk_product *p, const uint16_t *weights, const uint32_t *pairs, const float *bias,
		      float *y)
{
	LOAD_BIAS(0);
	LOAD_BIAS(1);
	LOAD_BIAS(2);
	for (uint32_t k = 0; k < p->n_in; k += TILE_INPUTS, weights += TILE_INPUTS, pairs += 16 * RK_PANEL) {
		_tile_loadd(6, weights, p->half_stride * sizeof(uint16_t));
		_tile_loadd(3, pairs, PANEL_STRIDE);
		_tile_loadd(4, pairs + TILE_LANES, PANEL_STRIDE);
		_tile_loadd(5, pairs + 2 * TILE_LANES, PANEL_STRIDE);
		_tile_dpbf16ps(0, 6, 3);
		_tile_dpbf16ps(1, 6, 4);
		_tile_dpbf16ps(2, 6, 5);
	}
	_tile_stored(0, y, PANEL_STRIDE);
	_tile_stored(1, y + TILE_LANES, PANEL_STRIDE);
	_tile_stored(2, y + 2 * TILE_LANES, PANEL_STRIDE);
}

static void run_one(const struct rk_product *p, const uint16_t *weights, const uint32_t *pairs, const float *bias,
		    float *y)
{
	LOAD_BIAS(0);
	for (uint32_t k = 0; k < p->n_in; k += TILE_INPUTS, weights += TILE_INPUTS, pairs += 16 * RK_PANEL) {
		_tile_loadd(6, weights, p->half_stride * sizeof(uint16_t));
		_tile_loadd(3, pairs, PANEL_STRIDE);
		_tile_dpbf16ps(0, 6, 3);
	}
	_tile_stored(0, y, PANEL_STRIDE);
}

static void run_group(const struct rk_product *p, const uint16_t *weights, const uint32_t *pairs, const float *bias,
		      uint32_t n_lanes, float *y)
{
	if (n_lanes > 2 * TILE_LANES) {
		run_three(p, weights, pairs, bias, y);
		return;
	}
	for (uint32_t lane = 0; lane < n_lanes; lane += TILE_LANES)
		run_one(p, weights, pairs + lane, bias, y + lane);
}

void rk_amx_product_halves(const struct rk_product *p, const uint32_t *pairs, uint32_t n_lanes,
			   void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes), float *ret_y)
{
	float bias[TILE_OUTPUTS * TILE_LANES] __attribute__((aligned(64))) RK_UNFILLED;
	float rows[TILE_OUTPUTS * RK_PANEL] __attribute__((aligned(64))) RK_UNFILLED;
	configure_tiles();
	for (uint32_t m = 0; m < p->n_out; m += TILE_OUTPUTS, ret_y += TILE_OUTPUTS * RK_PANEL) {
		const uint32_t n_rows = p->n_out - m < TILE_OUTPUTS ? p->n_out - m : TILE_OUTPUTS;
		fill_bias(p, m, n_rows, bias);
		for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++) {
			const uint32_t n_here = rk_lanes_of(n_lanes, panel);
			float *to = ret_y + (size_t)panel * p->n_out * RK_PANEL;
			float *y = n_rows == TILE_OUTPUTS ? to : rows;
			run_group(p, p->halves + m * p->half_stride,
				  pairs + (size_t)panel * rk_halves_padded(p->n_in) / 2 * RK_PANEL, bias, n_here, y);
			if (activate != NULL)
				activate(y, n_rows, n_here);
			if (y == rows)
				memcpy(to, rows, (size_t)n_rows * RK_PANEL * sizeof(*rows));
		}
	}
	_tile_release();
}
