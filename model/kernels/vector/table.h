/* A tier's kernels, as initialisers of its table. Used by <tier>/table.c after <tier>/vec.h. */
#include "model/kernels/vector/declare.h"

#define TABLE(pairs_kernel, product_halves_kernel, halve_kernel)                                                       \
	.product = RK_TIER(product),                                                                                   \
	.product_activate =                                                                                            \
		{                                                                                                      \
			[RK_ACTIVATION_RELU] = RK_TIER(product_relu),                                                  \
			[RK_ACTIVATION_GELU] = RK_TIER(product_gelu),                                                  \
			[RK_ACTIVATION_GELU_TANH] = RK_TIER(product_gelu_tanh),                                        \
			[RK_ACTIVATION_SILU] = RK_TIER(product_silu),                                                  \
	},                                                                                                             \
	.product_pack = RK_TIER(product_pack), .pairs = pairs_kernel, .product_halves = product_halves_kernel,         \
	.halve = halve_kernel,                                                                                         \
	.activate =                                                                                                    \
		{                                                                                                      \
			[RK_ACTIVATION_RELU] = RK_TIER(relu),                                                          \
			[RK_ACTIVATION_GELU] = RK_TIER(gelu),                                                          \
			[RK_ACTIVATION_GELU_TANH] = RK_TIER(gelu_tanh),                                                \
			[RK_ACTIVATION_SILU] = RK_TIER(silu),                                                          \
	},                                                                                                             \
	.sigmoid = RK_TIER(sigmoid), .tanh = RK_TIER(tanh), .softmax = RK_TIER(softmax),                               \
	.softmax_causal = RK_TIER(softmax_causal), .layer_norm = RK_TIER(layer_norm),                                  \
	.gather =                                                                                                      \
		{                                                                                                      \
			[RK_DTYPE_F32] = RK_TIER(gather_f32),                                                          \
			[RK_DTYPE_F16] = RK_TIER(gather_f16),                                                          \
			[RK_DTYPE_BF16] = RK_TIER(gather_bf16),                                                        \
	},                                                                                                             \
	.add = RK_TIER(add), .scale = RK_TIER(scale), .cross = RK_TIER(cross), .mix = RK_TIER(mix),                    \
	.blend = RK_TIER(blend), .peak = RK_TIER(peak)
