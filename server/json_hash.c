/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; one round a block, three at the end).
 */
#include "server/json_lex.h"

#include "model/base/check.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

static uint64_t key[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_key(void)
{
	ssize_t n;
	do
		n = getrandom(key, sizeof(key), 0);
	while (n < 0 && errno == EINTR);
	RK_ASSERT(n == (ssize_t)sizeof(key));
}

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

uint64_t rk_lexer_hash(struct rk_bytes text)
{
	RK_ASSERT(pthread_once(&once, make_key) == 0);
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU, key[0] ^ 0x6c7967656e657261U,
			 key[1] ^ 0x7465646279746573U};
	uint64_t block;
	size_t left = text.size;
	const char *at = text.data;
	for (; left >= sizeof(block); left -= sizeof(block), at += sizeof(block)) {
		memcpy(&block, at, sizeof(block));
		v[3] ^= block;
		mix(v);
		v[0] ^= block;
	}
	block = (uint64_t)text.size << 56;
	for (size_t i = 0; i < left; i++)
		block |= (uint64_t)(unsigned char)at[i] << (8 * i);
	v[3] ^= block;
	mix(v);
	v[0] ^= block;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
