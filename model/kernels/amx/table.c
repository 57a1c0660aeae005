#include "model/kernels/avx512/vec.h"

#include "model/kernels/amx/variants.h"
#include "model/kernels/avx512/variants.h"
#include "model/kernels/vector/table.h"

const struct rk_kernels rk_amx_kernels = {
	TABLE(rk_avx512_bf16_pairs, rk_amx_product_halves, rk_avx512_bf16_halve),
	.digits = rk_amx_digits,
	.product_digits = rk_amx_product_digits,
	.pack_digits = rk_amx_pack_digits,
};
