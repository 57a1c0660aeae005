#include "model/kernels/scalar/scalar.h"

void rk_scalar_init(struct rk_kernels *ret_kernels)
{
	rk_scalar_init_activation(ret_kernels);
	rk_scalar_init_attention(ret_kernels);
	rk_scalar_init_elementwise(ret_kernels);
	rk_scalar_init_gather(ret_kernels);
	rk_scalar_init_gru(ret_kernels);
	rk_scalar_init_norm(ret_kernels);
	rk_scalar_init_sigmoid(ret_kernels);
	rk_scalar_init_softmax(ret_kernels);
}
