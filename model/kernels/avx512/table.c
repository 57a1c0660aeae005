#include "model/kernels/avx512/vec.h"

#include "model/kernels/avx512/variants.h"
#include "model/kernels/vector/table.h"

const struct rk_kernels rk_avx512_kernels = {TABLE(rk_avx512_pairs, rk_avx512_product_halves, rk_avx512_halve)};
const struct rk_kernels rk_avx512_bf16_kernels = {
	TABLE(rk_avx512_bf16_pairs, rk_avx512_bf16_product_halves, rk_avx512_bf16_halve)};
