/*
 * The bias is laid into y first and the product added to it, so that BLAS writes each output once.
 * One thread: rankd's workers are the parallelism, and a pool below them would fight for the same cores.
 */
#include "model/kernels/dense.h"

#include "model/base/check.h"

#include <cblas.h>
#include <string.h>

void rk_dense_init(void)
{
	/* Setting it takes the library's lock; where it already holds, workers may be computing. */
	if (openblas_get_num_threads() != 1)
		openblas_set_num_threads(1);
}

static void activate_rows(rk_activate_fn activate, struct rk_rows y, size_t n_out)
{
	if (y.stride == n_out) {
		activate(y.data, y.n_rows * n_out);
		return;
	}
	for (size_t row = 0; row < y.n_rows; row++)
		activate(y.data + row * y.stride, n_out);
}

void rk_dense_apply(const struct rk_dense *dense, struct rk_rows x, rk_activate_fn activate, struct rk_rows y)
{
	RK_ASSERT(x.n_rows == y.n_rows && x.stride >= dense->n_in && y.stride >= dense->n_out);
	for (size_t row = 0; row < y.n_rows; row++)
		memcpy(y.data + row * y.stride, dense->bias, dense->n_out * sizeof(float));
	if (y.n_rows > 0 && dense->n_in > 0 && dense->n_out > 0)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)y.n_rows, (blasint)dense->n_out,
			    (blasint)dense->n_in, 1.0F, x.data, (blasint)x.stride, dense->weight, (blasint)dense->n_in,
			    1.0F, y.data, (blasint)y.stride);
	if (activate != NULL)
		activate_rows(activate, y, dense->n_out);
}
