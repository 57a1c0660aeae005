#include "model/kernels/avx512/avx512.h"

void rk_avx512_init(struct rk_kernels *kernels)
{
	rk_avx512_init_elementwise(kernels);
	rk_avx512_init_gather(kernels);
}
