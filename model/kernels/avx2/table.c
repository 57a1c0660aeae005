#include "model/kernels/avx2/vec.h"

#include "model/kernels/vector/table.h"

const struct rk_kernels rk_avx2_kernels = {TABLE(rk_avx2_pairs, rk_avx2_product_halves, rk_avx2_halve)};
