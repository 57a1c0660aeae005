/* Tiles of 16 rows of 64 bytes. They are configured at each call of a kernel and released at its end: a thread that
 * keeps them would pay for them at every switch. */
#ifndef RK_KERNELS_AMX_TILES_H
#define RK_KERNELS_AMX_TILES_H

#include "model/kernels/kernels.h"

#include <immintrin.h>
#include <stdint.h>

enum {
	TILE_OUTPUTS = 16, /* rows of a tile of weights, and of one of sums */
	TILE_LANES = 16,
	PANEL_STRIDE = RK_PANEL * 4, /* bytes of a panel's row */
};

struct tile_config {
	uint8_t palette, start_row, reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
} __attribute__((aligned(64)));

static inline void configure_tiles(void)
{
	struct tile_config config = {.palette = 1};
	for (int i = 0; i < 8; i++) {
		config.row_bytes[i] = 64;
		config.rows[i] = 16;
	}
	_tile_loadconfig(&config);
}

#endif
