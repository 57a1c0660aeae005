#include "loader/sha256.h"
#include "loader/sha256_blocks.h"
#include "model/base/cpu.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* FIPS 180-4 examples and NIST's byte-oriented test vectors */
static const struct {
	const char *text, *hex;
} vectors[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqr"
	 "stu",
	 "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

Test(sha256, standard_vectors)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct rk_sha256 sha;
		char hex[65];
		rk_sha256_init(&sha);
		rk_sha256_update(&sha, vectors[i].text, strlen(vectors[i].text));
		rk_sha256_finish(&sha, hex);
		cr_assert_str_eq(hex, vectors[i].hex);
	}
}

Test(sha256, a_million_times_a)
{
	struct rk_sha256 sha;
	char hex[65], piece[1000];
	memset(piece, 'a', sizeof(piece));
	rk_sha256_init(&sha);
	for (int i = 0; i < 1000; i++)
		rk_sha256_update(&sha, piece, sizeof(piece));
	rk_sha256_finish(&sha, hex);
	cr_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* The sum must not depend on how the bytes are cut; lengths run over every place in the last block. */
Test(sha256, any_cut_gives_the_same)
{
	unsigned char bytes[200];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 31);
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		struct rk_sha256 whole;
		char expected[65];
		rk_sha256_init(&whole);
		rk_sha256_update(&whole, bytes, size);
		rk_sha256_finish(&whole, expected);
		for (size_t step = 1; step < 70; step += 3) {
			struct rk_sha256 cut;
			char hex[65];
			rk_sha256_init(&cut);
			for (size_t at = 0; at < size; at += step)
				rk_sha256_update(&cut, bytes + at, size - at < step ? size - at : step);
			rk_sha256_finish(&cut, hex);
			cr_assert_str_eq(hex, expected, "size %zu, step %zu", size, step);
		}
	}
}

/* Blocks and states of all kinds, from none to seven blocks at a time. */
Test(sha256, fast_rounds_are_the_plain_ones)
{
	unsigned char blocks[7 * RK_SHA256_BLOCK_BYTES];
	uint32_t plain[8], fast[8], seed = 1;
	if (!rk_cpu_has_sha())
		return;
	for (int round = 0; round < 1000; round++) {
		for (size_t i = 0; i < sizeof(blocks); i++)
			blocks[i] = (unsigned char)((seed = seed * 1664525U + 1013904223U) >> 24);
		for (size_t i = 0; i < 8; i++)
			plain[i] = fast[i] = seed = seed * 1664525U + 1013904223U;
		size_t n = (size_t)round % 8;
		rk_sha256_add_plain(plain, blocks, n);
		rk_sha256_add_fast(fast, blocks, n);
		cr_assert_arr_eq(fast, plain, sizeof(plain), "round %d", round);
	}
}
