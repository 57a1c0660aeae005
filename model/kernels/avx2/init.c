#include "model/kernels/avx2/avx2.h"

void rk_avx2_init(struct rk_kernels *kernels)
{
	rk_avx2_init_elementwise(kernels);
	rk_avx2_init_gather(kernels);
}
