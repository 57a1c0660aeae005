/*
 * SHA-256 with the instructions that x86 processors have for it: two rounds each, and the message schedule four words
 * at a time. They keep the state as (a, b, e, f) and (c, d, g, h), the highest word first.
 */
#include "loader/sha256_blocks.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

static inline __m128i load(const void *from)
{
	__m128i words;
	memcpy(&words, from, sizeof(words));
	return words;
}

/* Rounds 4i … 4i + 3; then words 4i + 16 … of the schedule take the place of words 4i …. */
__attribute__((target("sha,sse4.1"))) static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i words[4],
								     size_t i)
{
	__m128i sums = _mm_add_epi32(words[i % 4], load(rk_sha256_constants + 4 * i));
	*cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sums);
	*abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sums, 0x0e));
	const __m128i latest = words[(i + 3) % 4];
	__m128i next = _mm_sha256msg1_epu32(words[i % 4], words[(i + 1) % 4]);
	next = _mm_add_epi32(next, _mm_alignr_epi8(latest, words[(i + 2) % 4], 4));
	words[i % 4] = _mm_sha256msg2_epu32(next, latest);
}

__attribute__((target("sha,sse4.1"))) void rk_sha256_add_fast(uint32_t state[8], const unsigned char *blocks, size_t n)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	const __m128i cdab = _mm_shuffle_epi32(load(state), 0xb1), efgh = _mm_shuffle_epi32(load(state + 4), 0x1b);
	__m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
	for (; n > 0; n--, blocks += RK_SHA256_BLOCK_BYTES) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i words[4];
		for (size_t i = 0; i < 4; i++)
			words[i] = _mm_shuffle_epi8(load(blocks + 16 * i), big_endian);
		for (size_t i = 0; i < RK_SHA256_ROUNDS / 4; i++)
			four_rounds(&abef, &cdgh, words, i);
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
	const __m128i dcba = _mm_blend_epi16(feba, dchg, 0xf0), hgfe = _mm_alignr_epi8(dchg, feba, 8);
	memcpy(state, &dcba, sizeof(dcba));
	memcpy(state + 4, &hgfe, sizeof(hgfe));
}
#else
void rk_sha256_add_fast(uint32_t state[8], const unsigned char *blocks, size_t n)
{
	rk_sha256_add_plain(state, blocks, n);
}
#endif
