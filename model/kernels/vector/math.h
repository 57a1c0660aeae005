/*
 * exp, sigmoid, tanh and the activations on one vector of any width. Included after <tier>/vec.h.
 *
 * NaN goes through every function (vec_max and vec_min return their second argument when either is NaN), so that a
 * broken number is seen at the end and never turned into a plausible score.
 * Polynomials are minimax fits (tests/kernels/fit_coefficients.py); their error bounds are tested in tests/kernels.
 */
#ifndef RK_KERNELS_VECTOR_MATH_H
#define RK_KERNELS_VECTOR_MATH_H

/* e^x for −87 ≤ x ≤ 88, clamped outside: x = n ln 2 + r, |r| ≤ ln 2 / 2 (Cody and Waite); e^r = 1 + r + r² P(r). */
static inline vec vec_exp(vec x)
{
	x = vec_min(vec_set1(88.0F), vec_max(vec_set1(-87.0F), x));
	vec n = vec_round(vec_mul(x, vec_set1(0x1.715476p+0F)));
	vec r = vec_fma(n, vec_set1(-0x1.62e4p-1F), x);
	r = vec_fma(n, vec_set1(-0x1.7f7d1cp-20F), r);
	vec p = vec_fma(vec_set1(1.395055908e-3F), r, vec_set1(8.368928917e-3F));
	p = vec_fma(p, r, vec_set1(4.166620597e-2F));
	p = vec_fma(p, r, vec_set1(1.666651815e-1F));
	p = vec_fma(p, r, vec_set1(0.5F));
	return vec_scale(vec_fma(vec_mul(r, r), p, vec_add(r, vec_set1(1.0F))), n);
}

/* 1 / (1 + e^−x) */
static inline vec vec_sigmoid(vec x)
{
	const vec one = vec_set1(1.0F);
	return vec_div(one, vec_add(one, vec_exp(vec_sub(vec_set1(0.0F), x))));
}

static inline vec vec_relu(vec x)
{
	return vec_max(vec_set1(0.0F), x);
}

/*
 * x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2 = 1/2 + x P(t), t = 2 (x / 5.5)² − 1; beyond ±5.5 Φ is 0 or 1 in float.
 * It must be so to the last bit, since an error of Φ grows with |x|: the linear coefficient is one ulp off its fit, so
 * that Φ(−5.5) comes out at or just below 0, which the maximum makes 0, and Φ(5.5) at 1.
 */
static inline vec vec_gelu(vec x)
{
	static const float powers[] = {-1.370332786e-3F, 1.018114854e-3F, -1.225103042e-3F, 4.242997617e-3F,
				       -7.679346483e-3F, 1.046490390e-2F, -1.466895360e-2F, 2.028902806e-2F,
				       -2.611306496e-2F, 3.208160400e-2F, -3.878720477e-2F, 4.773699492e-2F,
				       -6.417246908e-2F, 1.285519302e-1F};
	vec near = vec_min(vec_set1(5.5F), vec_max(vec_set1(-5.5F), x));
	vec t = vec_fma(vec_mul(near, near), vec_set1(2.0F / (5.5F * 5.5F)), vec_set1(-1.0F));
	vec p = vec_set1(5.399954971e-4F);
	_Pragma("GCC unroll 16") for (size_t i = 0; i < sizeof(powers) / sizeof(powers[0]); i++) p =
		vec_fma(p, t, vec_set1(powers[i]));
	return vec_mul(x, vec_max(vec_set1(0.0F), vec_fma(near, p, vec_set1(0.5F))));
}

/* x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))) = x sigmoid(2 √(2/π) (x + 0.044715 x³)) */
static inline vec vec_gelu_tanh(vec x)
{
	vec inner = vec_fma(vec_mul(vec_set1(0.044715F), vec_mul(x, x)), x, x);
	return vec_mul(x, vec_sigmoid(vec_mul(inner, vec_set1(1.5957691216F))));
}

static inline vec vec_silu(vec x)
{
	return vec_mul(x, vec_sigmoid(x));
}

/* tanh(x) = 2 sigmoid(2x) − 1; near 0, where that cancels, x − x³/3 + 2x⁵/15 */
static inline vec vec_tanh(vec x)
{
	vec square = vec_mul(x, x);
	vec near = vec_fma(square, vec_set1(0x1.111112p-3F), vec_set1(-0x1.555556p-2F));
	near = vec_fma(vec_mul(near, square), x, x);
	vec far = vec_fma(vec_set1(2.0F), vec_sigmoid(vec_add(x, x)), vec_set1(-1.0F));
	return vec_select(vec_less(vec_abs(x), vec_set1(0.0625F)), near, far);
}

#endif
