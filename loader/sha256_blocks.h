/* Private to loader/sha256*.c and their tests: the compression function of FIPS 180-4, 6.2.2, over whole blocks. */
#ifndef RK_LOADER_SHA256_BLOCKS_H
#define RK_LOADER_SHA256_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

enum { RK_SHA256_BLOCK_BYTES = 64, RK_SHA256_ROUNDS = 64 };

extern const uint32_t rk_sha256_constants[RK_SHA256_ROUNDS];

void rk_sha256_add_plain(uint32_t state[8], const unsigned char *blocks, size_t n);

/* By the processor's own rounds, where rk_cpu_has_sha; five times as fast. Elsewhere it is the plain one. */
void rk_sha256_add_fast(uint32_t state[8], const unsigned char *blocks, size_t n);

#endif
