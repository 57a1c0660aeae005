#include "bench/load/random.h"

#include <criterion/criterion.h>
#include <math.h>

Test(load_random, is_splitmix64)
{
	/* the generator's published first outputs for the state 1234567 */
	struct rk_load_random random = {.state = 1234567};
	cr_assert_eq(rk_load_random_next(&random), 6457827717110365317ULL);
	cr_assert_eq(rk_load_random_next(&random), 3203168211198807973ULL);
	cr_assert_eq(rk_load_random_next(&random), 9817491932198370423ULL);
}

Test(load_random, unit_is_uniform_and_never_zero)
{
	struct rk_load_random random = {.state = 7};
	const int n = 200000;
	double sum = 0, squares = 0;
	for (int i = 0; i < n; i++) {
		const double x = rk_load_random_unit(&random);
		cr_assert(x > 0 && x <= 1);
		sum += x;
		squares += x * x;
	}
	cr_assert_float_eq(sum / n, 0.5, 5 * sqrt(1.0 / 12 / n));
	cr_assert_float_eq(squares / n, 1.0 / 3, 5 * sqrt(4.0 / 45 / n));
}

Test(load_random, below_reaches_every_value_equally)
{
	struct rk_load_random random = {.state = 3};
	const int n = 70000;
	int counts[7] = {0};
	for (int i = 0; i < n; i++)
		counts[rk_load_random_below(&random, 7)]++;
	for (int i = 0; i < 7; i++)
		cr_assert_float_eq(counts[i], n / 7, 5 * sqrt(n / 7.0), "%d: %d", i, counts[i]);
	cr_assert_eq(rk_load_random_below(&random, 1), 0);
}

Test(load_random, exponential_has_its_mean_and_deviation)
{
	struct rk_load_random random = {.state = 11};
	const int n = 200000;
	double sum = 0, squares = 0;
	for (int i = 0; i < n; i++) {
		const double x = rk_load_random_exponential(&random, 2);
		cr_assert(x >= 0);
		sum += x;
		squares += x * x;
	}
	cr_assert_float_eq(sum / n, 2, 5 * 2 / sqrt(n));
	cr_assert_float_eq(squares / n, 8, 5 * sqrt(20.0) * 4 / sqrt(n));
}
