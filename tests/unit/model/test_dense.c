#include "model/kernels/dense.h"

#include <criterion/criterion.h>

Test(dense, fold_is_a_scaled_product_of_columns)
{
	static const float a[] = {1, 2, 3, 4, 5, 6};                    /* [3, 2] */
	static const float b[] = {1, 0, -1, 2, 1, 0, 0, 3, 1, 1, 1, 1}; /* [3, 4] */
	static const float expected[] = {18, 10, 8, 32, 24, 12, 8, 44};
	float c[8];
	rk_dense_init();
	rk_dense_fold(a, b, (struct rk_fold){.n = 3, .n_a = 2, .n_b = 4, .scale = 2.0F}, c);
	for (int i = 0; i < 8; i++)
		cr_assert_float_eq(c[i], expected[i], 1e-6, "c[%d]: expected %g, found %g", i, (double)expected[i],
				   (double)c[i]);
}

Test(dense, init_may_be_called_again)
{
	rk_dense_init();
	rk_dense_init();
}
