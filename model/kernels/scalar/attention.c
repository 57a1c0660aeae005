/* One query row at a time: the scores never take more memory than one row. */
#include "model/kernels/scalar/scalar.h"

#include <string.h>

static void attend(const struct rk_attend *attend)
{
	for (size_t key = 0; key < attend->n_keys; key++)
		attend->scores[key] = attend->scale * rk_scalar_dot(attend->query, attend->keys + key * attend->stride,
								    attend->head_dim);
	rk_scalar_softmax(attend->scores, attend->n_keys);
	memset(attend->ret_out, 0, attend->head_dim * sizeof(float));
	for (size_t key = 0; key < attend->n_keys; key++)
		rk_scalar_axpy(attend->scores[key], attend->values + key * attend->stride, attend->head_dim,
			       attend->ret_out);
}

void rk_scalar_init_attention(struct rk_kernels *kernels)
{
	kernels->attend = attend;
}
