#include "model/order.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

static uint64_t entries[70000], spare[70000];

static void sort(const float *values, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		entries[i] = rk_order_entry(values[i], i);
	rk_order_sort(entries, spare, n);
}

Test(order, whole_range_of_floats_falls)
{
	static const float falling[] = {INFINITY, FLT_MAX, 1e30F,    1.0000001F, 1.0F,  0.5F,   FLT_MIN,  1e-42F,
					0.0F,     -1e-42F, -FLT_MIN, -0.5F,      -1.0F, -1e30F, -FLT_MAX, -INFINITY};
	enum { N = sizeof(falling) / sizeof(falling[0]) };
	float shuffled[N];
	for (uint32_t i = 0; i < N; i++)
		shuffled[i * 7 % N] = falling[i];
	sort(shuffled, N);
	for (uint32_t i = 0; i < N; i++)
		cr_assert(shuffled[rk_order_index(entries[i])] == falling[i], "place %u", i);
}

Test(order, equal_values_keep_their_order)
{
	static const float values[] = {1.0F, 2.0F, 1.0F, 2.0F, -1.0F, 1.0F};
	static const uint32_t expected[] = {1, 3, 0, 2, 5, 4};
	sort(values, 6);
	for (uint32_t i = 0; i < 6; i++)
		cr_assert_eq(rk_order_index(entries[i]), expected[i]);
}

Test(order, both_zeros_are_equal)
{
	static const float values[] = {-0.0F, 0.0F, -0.0F, 1.0F};
	sort(values, 4);
	cr_assert_eq(rk_order_index(entries[0]), 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(rk_order_index(entries[i + 1]), i);
	cr_assert_eq(rk_order_key(rk_order_entry(0.0F, 0)), rk_order_key(rk_order_entry(-0.0F, 1)));
}

Test(order, many_values_against_insertion)
{
	static float values[70000];
	static const uint32_t sizes[] = {0, 1, 2, 3, 255, 256, 257, 5000, 70000};
	uint32_t state = 1;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint32_t n = sizes[s];
		for (uint32_t i = 0; i < n; i++) {
			state = state * 1664525U + 1013904223U;
			values[i] = (float)(int32_t)state / (state % 3 == 0 ? 65536.0F * 65536.0F : 1.0F);
			if (state % 5 == 0)
				values[i] = (float)(state >> 28);
		}
		sort(values, n);
		uint64_t sum = 0;
		for (uint32_t i = 0; i < n; i++)
			sum += rk_order_index(entries[i]);
		cr_assert_eq(sum, n > 0 ? (uint64_t)n * (n - 1) / 2 : 0);
		for (uint32_t i = 1; i < n; i++) {
			uint32_t a = rk_order_index(entries[i - 1]), b = rk_order_index(entries[i]);
			cr_assert(values[a] > values[b] || (values[a] == values[b] && a < b), "place %u of %u", i, n);
		}
	}
}
