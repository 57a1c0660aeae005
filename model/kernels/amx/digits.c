/*
 * Float products by 8-bit whole numbers (model/base/digits.h): a tile instruction adds 64 products of digits to each of
 * 16 outputs × 16 lanes, about thirty times the multiply-adds that vectors of floats do in that time.
 *
 * Products of digits i and j weigh 256^−(i + j − 2); those of the same weight share a sum. Sums of d₁d₁, of d₁d₂ and
 * d₂d₁, and of d₁d₃, d₂d₂ and d₃d₁ are whole numbers below 2³¹, so their order does not matter; what is left out is
 * below 2⁻²³ of what the largest input and weight could give.
 */
#include "model/base/digits.h"
#include "model/kernels/amx/tiles.h"
#include "model/kernels/amx/variants.h"
#include "model/kernels/avx512/vec.h"

#include <string.h>

enum {
	QUAD_ROWS = 4, /* inputs of a quad */
	STEP_QUADS = RK_DIGIT_STEP / QUAD_ROWS,
	PART = STEP_QUADS * RK_PANEL, /* quads of one digit in a step */
	TILE_BYTES = TILE_OUTPUTS * RK_DIGIT_STEP,
	SUMS = TILE_OUTPUTS * TILE_LANES,
	N_SUMS = 3,
};

static inline __m512i bits_of(vec a)
{
	return _mm512_castps_si512(a);
}

static inline __m512i magnitude(vec a)
{
	return _mm512_and_si512(bits_of(a), _mm512_set1_epi32(0x7fffffff));
}

static inline __m512i exponent_of(__m512i largest)
{
	__m512i exponent = _mm512_srli_epi32(_mm512_add_epi32(largest, _mm512_set1_epi32(RK_DIGITS_ROOM)), 23);
	return _mm512_max_epi32(exponent, _mm512_set1_epi32(RK_DIGITS_LEAST));
}

/* 1 / unit and 256² unit of each lane, from its largest magnitude. */
static inline vec factor_of(__m512i largest)
{
	__m512i biased = _mm512_sub_epi32(_mm512_set1_epi32(RK_DIGITS_FACTOR), exponent_of(largest));
	return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
}

static inline vec scale_of(__m512i largest)
{
	__m512i biased = _mm512_sub_epi32(exponent_of(largest), _mm512_set1_epi32(RK_DIGITS_TOP));
	__mmask16 broken = _mm512_cmpge_epi32_mask(largest, _mm512_set1_epi32(0x7f800000));
	return _mm512_castsi512_ps(
		_mm512_mask_blend_epi32(broken, _mm512_slli_epi32(biased, 23), _mm512_set1_epi32(0x7fc00000)));
}

/* The digits of each lane, d₃ in the lowest byte. */
static inline __m512i digits_of(vec x, vec factor)
{
	__m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(x, factor)), offset = _mm512_set1_epi32(RK_DIGITS_OFFSET);
	return _mm512_xor_si512(_mm512_add_epi32(whole, offset), offset);
}

/* Four rows' digits, turned: the same digit of all four in one word. */
static inline void store_quads(const __m512i rows[QUAD_ROWS], uint32_t *ret_quads)
{
	const __mmask32 odd_halves = 0xaaaaaaaaU;
	const __mmask64 odd_bytes = 0xaaaaaaaaaaaaaaaaU;
	__m512i low02 = _mm512_mask_blend_epi16(odd_halves, rows[0], _mm512_slli_epi32(rows[2], 16));
	__m512i low13 = _mm512_mask_blend_epi16(odd_halves, rows[1], _mm512_slli_epi32(rows[3], 16));
	__m512i high02 = _mm512_mask_blend_epi16(odd_halves, _mm512_srli_epi32(rows[0], 16), rows[2]);
	__m512i high13 = _mm512_mask_blend_epi16(odd_halves, _mm512_srli_epi32(rows[1], 16), rows[3]);
	_mm512_store_si512(ret_quads, _mm512_mask_blend_epi8(odd_bytes, high02, _mm512_slli_epi32(high13, 8)));
	_mm512_store_si512(ret_quads + PART, _mm512_mask_blend_epi8(odd_bytes, _mm512_srli_epi32(low02, 8), low13));
	_mm512_store_si512(ret_quads + 2 * (size_t)PART,
			   _mm512_mask_blend_epi8(odd_bytes, low02, _mm512_slli_epi32(low13, 8)));
}

static __m512i largest_of_lanes(const float *x, const float *in_scales, uint32_t n_rows)
{
	__m512i even = _mm512_setzero_si512(), odd = even;
	uint32_t row = 0;
	for (; row + 2 <= n_rows; row += 2, x += 2 * RK_PANEL) {
		even = _mm512_max_epi32(even, magnitude(vec_mul(vec_load(x), vec_set1(in_scales[row]))));
		odd = _mm512_max_epi32(odd, magnitude(vec_mul(vec_load(x + RK_PANEL), vec_set1(in_scales[row + 1]))));
	}
	if (row < n_rows)
		even = _mm512_max_epi32(even, magnitude(vec_mul(vec_load(x), vec_set1(in_scales[row]))));
	return _mm512_max_epi32(even, odd);
}

/* The lanes of one vector. */
static void digits_of_lanes(const float *x, const float *in_scales, uint32_t n_rows, uint32_t *ret_quads,
			    float *ret_scales)
{
	const uint32_t n_padded = rk_digits_padded(n_rows);
	const __m512i largest = largest_of_lanes(x, in_scales, n_rows);
	const vec factor = factor_of(largest);
	vec_store(ret_scales, scale_of(largest));
	for (uint32_t row = 0; row < n_padded; row += QUAD_ROWS) {
		__m512i digits[QUAD_ROWS];
		for (uint32_t i = 0; i < QUAD_ROWS; i++)
			digits[i] = row + i < n_rows ? digits_of(vec_load(x + (size_t)(row + i) * RK_PANEL),
								 vec_mul(factor, vec_set1(in_scales[row + i])))
						     : _mm512_setzero_si512();
		store_quads(digits, ret_quads + (size_t)(row / RK_DIGIT_STEP) * RK_N_DIGITS * PART +
					    row % RK_DIGIT_STEP / QUAD_ROWS * RK_PANEL);
	}
}

/* Lanes of all panels, a vector at a time: the panel and the lane in it. */
#define FOR_LANES(panel, lane, n_lanes)                                                                                \
	for (uint32_t panel = 0; panel * RK_PANEL < (n_lanes); panel++)                                                \
		for (uint32_t lane = 0; lane < RK_PANEL && panel * RK_PANEL + lane < (n_lanes); lane += VEC_LANES)

static size_t panel_quads(uint32_t n_in)
{
	return (size_t)rk_digits_padded(n_in) / QUAD_ROWS * RK_N_DIGITS * RK_PANEL;
}

void rk_amx_digits(const struct rk_product *product, const float *x, uint32_t n_lanes, uint32_t *ret_quads,
		   float *ret_scales)
{
	const uint32_t n_rows = product->n_in;
	FOR_LANES(panel, lane, n_lanes)
	digits_of_lanes(x + (size_t)panel * n_rows * RK_PANEL + lane, product->digits.in_scales, n_rows,
			ret_quads + panel * panel_quads(n_rows) + lane, ret_scales + panel * RK_PANEL + lane);
}

/* The three sums of 16 outputs × 16 lanes. */
static inline void sum_tile(const int8_t *weights, const uint32_t *quads, uint32_t n_steps, int32_t *ret_sums)
{
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	for (uint32_t i = 0; i < n_steps; i++, weights += RK_N_DIGITS * TILE_BYTES, quads += RK_N_DIGITS * PART) {
		_tile_loadd(3, quads, PANEL_STRIDE);
		_tile_loadd(4, quads + PART, PANEL_STRIDE);
		_tile_loadd(5, quads + 2 * PART, PANEL_STRIDE);
		_tile_loadd(6, weights, RK_DIGIT_STEP);
		_tile_loadd(7, weights + TILE_BYTES, RK_DIGIT_STEP);
		_tile_dpbssd(0, 6, 3);
		_tile_dpbssd(2, 7, 4);
		_tile_dpbssd(1, 6, 4);
		_tile_dpbssd(2, 6, 5);
		_tile_dpbssd(1, 7, 3);
		_tile_loadd(6, weights + 2 * TILE_BYTES, RK_DIGIT_STEP);
		_tile_dpbssd(2, 6, 3);
	}
	_tile_stored(0, ret_sums, TILE_LANES * sizeof(*ret_sums));
	_tile_stored(1, ret_sums + SUMS, TILE_LANES * sizeof(*ret_sums));
	_tile_stored(2, ret_sums + 2 * SUMS, TILE_LANES * sizeof(*ret_sums));
}

static inline vec sums_at(const int32_t *sums)
{
	return _mm512_cvtepi32_ps(_mm512_load_si512(sums));
}

/* y = bias + scales · (s₁ + s₂/256 + s₃/256²) */
static inline void put_tile(const int32_t *sums, const float *out_scales, const float *bias, vec lane_scale,
			    float *ret_y)
{
	const vec digit = vec_set1(1.0F / 256.0F);
	_Pragma("GCC unroll 16") for (uint32_t row = 0; row < TILE_OUTPUTS; row++)
	{
		const int32_t *at = sums + row * TILE_LANES;
		vec sum = vec_fma(sums_at(at + 2 * SUMS), digit, sums_at(at + SUMS));
		sum = vec_fma(sum, digit, sums_at(at));
		vec scale = vec_mul(lane_scale, vec_set1(out_scales[row]));
		vec_store(ret_y + row * RK_PANEL, vec_fma(sum, scale, vec_set1(bias[row])));
	}
}

/* The biases of outputs m …, or zeros; `room` takes them where they are not all there. */
static inline const float *bias_at(const struct rk_product *p, uint32_t m, uint32_t n_rows, float *room)
{
	if (p->bias != NULL && n_rows == TILE_OUTPUTS)
		return p->bias + m;
	for (uint32_t row = 0; row < TILE_OUTPUTS; row++)
		room[row] = p->bias != NULL && row < n_rows ? p->bias[m + row] : 0.0F;
	return room;
}

void rk_amx_product_digits(const struct rk_product *p, const uint32_t *quads, const float *scales, uint32_t n_lanes,
			   void (*activate)(float *y, uint32_t n_rows, uint32_t n_lanes), float *ret_y)
{
	int32_t sums[N_SUMS * SUMS] __attribute__((aligned(64))) RK_UNFILLED;
	float rows[TILE_OUTPUTS * RK_PANEL] __attribute__((aligned(64))) RK_UNFILLED;
	float room[TILE_OUTPUTS];
	const uint32_t n_steps = rk_digits_padded(p->n_in) / RK_DIGIT_STEP;
	const int8_t *weights = p->digits.tiles;
	configure_tiles();
	for (uint32_t m = 0; m < p->n_out; m += TILE_OUTPUTS, ret_y += TILE_OUTPUTS * RK_PANEL) {
		const uint32_t n_rows = p->n_out - m < TILE_OUTPUTS ? p->n_out - m : TILE_OUTPUTS;
		const float *bias = bias_at(p, m, n_rows, room);
		for (uint32_t panel = 0; panel * RK_PANEL < n_lanes; panel++) {
			const uint32_t n_here = rk_lanes_of(n_lanes, panel);
			const uint32_t *here = quads + panel * panel_quads(p->n_in);
			float *to = ret_y + (size_t)panel * p->n_out * RK_PANEL;
			float *y = n_rows == TILE_OUTPUTS ? to : rows;
			for (uint32_t lane = 0; lane < n_here; lane += TILE_LANES) {
				sum_tile(weights, here + lane, n_steps, sums);
				put_tile(sums, p->digits.out_scales + m, bias,
					 vec_load(scales + panel * RK_PANEL + lane), y + lane);
			}
			if (activate != NULL)
				activate(y, n_rows, n_here);
			if (y == rows)
				memcpy(to, rows, (size_t)n_rows * RK_PANEL * sizeof(*rows));
		}
		weights += (size_t)n_steps * RK_N_DIGITS * TILE_BYTES;
	}
	_tile_release();
}
