#include "model/kernels/scalar/vec.h"

#include "model/kernels/vector/table.h"

const struct rk_kernels rk_scalar_kernels = {TABLE(rk_scalar_pairs, rk_scalar_product_halves, rk_scalar_halve)};
