/* SHA-256 (FIPS 180-4), for the checksum of a model file in reports. Not for secrets. */
#ifndef RK_LOADER_SHA256_H
#define RK_LOADER_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct rk_sha256 {
	uint32_t state[8];
	uint64_t n_bytes;        /* taken so far */
	unsigned char block[64]; /* what does not fill a block yet */
};

void rk_sha256_init(struct rk_sha256 *sha);
void rk_sha256_update(struct rk_sha256 *sha, const void *data, size_t size);

/* Ends the sum and writes it as 64 lower-case hexadecimal digits and a NUL. */
void rk_sha256_finish(struct rk_sha256 *sha, char ret_hex[65]);

#endif
