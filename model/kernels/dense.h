/*
 * Matrix products at load, where the order of summation does not matter: the only place that knows the BLAS library.
 * Nothing on a request's way comes here; its products are those of kernels.h.
 */
#ifndef RK_KERNELS_DENSE_H
#define RK_KERNELS_DENSE_H

#include <stdint.h>

struct rk_fold {
	uint32_t n;        /* inner size: rows of a and b */
	uint32_t n_a, n_b; /* columns of a and b */
	float scale;
};

/* Makes the BLAS library compute on the calling thread alone, whichever flavour of it is installed. Harmless again. */
void rk_dense_init(void);

/* Name, version and core of the BLAS library. */
const char *rk_dense_name(void);

/* ret_c[n_a, n_b] ← scale · aᵀ b for a[n, n_a] and b[n, n_b]. */
void rk_dense_fold(const float *a, const float *b, struct rk_fold size, float *ret_c);

#endif
