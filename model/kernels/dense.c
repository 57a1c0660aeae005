/* One thread: what runs beside the loading thread are the workers, and a pool below them would fight for their cores.
 */
#include "model/kernels/dense.h"

#include <cblas.h>

void rk_dense_init(void)
{
	/* Setting it takes the library's lock; where it already holds, others may be computing. */
	if (openblas_get_num_threads() != 1)
		openblas_set_num_threads(1);
}

const char *rk_dense_name(void)
{
	return openblas_get_config();
}

void rk_dense_fold(const float *a, const float *b, struct rk_fold size, float *ret_c)
{
	cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)size.n_a, (blasint)size.n_b, (blasint)size.n,
		    size.scale, a, (blasint)size.n_a, b, (blasint)size.n_b, 0.0F, ret_c, (blasint)size.n_b);
}
