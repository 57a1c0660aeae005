/* SHA-256 as FIPS 180-4 writes it: whole blocks straight from the caller's memory, the rest through `block`. */
#include "loader/sha256.h"

#include "loader/sha256_blocks.h"
#include "model/base/cpu.h"

#include <string.h>

enum { BLOCK_BYTES = RK_SHA256_BLOCK_BYTES, N_ROUNDS = RK_SHA256_ROUNDS, LENGTH_OFFSET = 56 };

const uint32_t rk_sha256_constants[RK_SHA256_ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n)
{
	return (x >> n) | (x << (32 - n));
}

static uint32_t read_big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void schedule(uint32_t w[N_ROUNDS], const unsigned char *block)
{
	for (int t = 0; t < 16; t++)
		w[t] = read_big_endian(block + 4 * t);
	for (int t = 16; t < N_ROUNDS; t++) {
		uint32_t small0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ (w[t - 15] >> 3);
		uint32_t small1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ (w[t - 2] >> 10);
		w[t] = w[t - 16] + small0 + w[t - 7] + small1;
	}
}

static void add_block(uint32_t state[8], const unsigned char *block)
{
	uint32_t w[N_ROUNDS];
	schedule(w, block);
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	for (int t = 0; t < N_ROUNDS; t++) {
		uint32_t big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
		uint32_t t1 = h + big1 + ((e & f) ^ (~e & g)) + rk_sha256_constants[t] + w[t];
		uint32_t big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
		uint32_t t2 = big0 + ((a & b) ^ (a & c) ^ (b & c));
		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	const uint32_t added[8] = {a, b, c, d, e, f, g, h};
	for (int i = 0; i < 8; i++)
		state[i] += added[i];
}

void rk_sha256_add_plain(uint32_t state[8], const unsigned char *blocks, size_t n)
{
	for (; n > 0; n--, blocks += BLOCK_BYTES)
		add_block(state, blocks);
}

static void add_blocks(uint32_t state[8], const unsigned char *blocks, size_t n)
{
	if (rk_cpu_has_sha())
		rk_sha256_add_fast(state, blocks, n);
	else
		rk_sha256_add_plain(state, blocks, n);
}

void rk_sha256_init(struct rk_sha256 *sha)
{
	*sha = (struct rk_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
					    0x1f83d9ab, 0x5be0cd19}};
}

void rk_sha256_update(struct rk_sha256 *sha, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	size_t held = sha->n_bytes % BLOCK_BYTES;
	sha->n_bytes += size;
	if (held > 0) {
		size_t taken = size < BLOCK_BYTES - held ? size : BLOCK_BYTES - held;
		memcpy(sha->block + held, bytes, taken);
		bytes += taken;
		size -= taken;
		if (held + taken < BLOCK_BYTES)
			return;
		add_blocks(sha->state, sha->block, 1);
	}
	add_blocks(sha->state, bytes, size / BLOCK_BYTES);
	if (size % BLOCK_BYTES > 0)
		memcpy(sha->block, bytes + size - size % BLOCK_BYTES, size % BLOCK_BYTES);
}

void rk_sha256_finish(struct rk_sha256 *sha, char ret_hex[65])
{
	uint64_t n_bits = sha->n_bytes * 8;
	size_t held = sha->n_bytes % BLOCK_BYTES;
	unsigned char padding[2 * BLOCK_BYTES] = {0x80};
	size_t n_padding = (held < LENGTH_OFFSET ? LENGTH_OFFSET : BLOCK_BYTES + LENGTH_OFFSET) - held;
	for (int i = 0; i < 8; i++)
		padding[n_padding + (size_t)i] = (unsigned char)(n_bits >> (56 - 8 * i));
	rk_sha256_update(sha, padding, n_padding + 8);

	static const char digits[] = "0123456789abcdef";
	for (int i = 0; i < 64; i++)
		ret_hex[i] = digits[sha->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
	ret_hex[64] = '\0';
}
