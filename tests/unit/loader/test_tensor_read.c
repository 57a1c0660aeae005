#include "loader/tensor_read.h"
#include "model/base/half.h"
#include "tests/unit/loader/support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

/* By the definition of the formats: sign · 2^exponent · significand, in double, exact. */
static double value_of(uint16_t bits, int n_exponent, int n_mantissa)
{
	int bias = (1 << (n_exponent - 1)) - 1;
	int exponent = bits >> n_mantissa & ((1 << n_exponent) - 1), mantissa = bits & ((1 << n_mantissa) - 1);
	double sign = (bits & 0x8000) != 0 ? -1 : 1;
	if (exponent == (1 << n_exponent) - 1)
		return mantissa == 0 ? sign * (double)INFINITY : (double)NAN;
	if (exponent == 0)
		return sign * ldexp(mantissa, 1 - bias - n_mantissa);
	return sign * ldexp(mantissa + (1 << n_mantissa), exponent - bias - n_mantissa);
}

static bool same(double a, double b)
{
	return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

Test(tensor_read, every_f16_and_bf16)
{
	for (uint32_t bits = 0; bits < 0x10000; bits++) {
		uint16_t half = (uint16_t)bits;
		cr_assert(same((double)rk_float_of_f16(half), value_of(half, 5, 10)), "F16 %04x", bits);
		cr_assert(same((double)rk_float_of_bf16(half), value_of(half, 8, 7)), "BF16 %04x", bits);
	}
}

struct setup {
	struct test_folder folder;
	struct rk_file file;
	struct rk_tensor_stream stream;
};

/* A file of `lead` bytes, then `size` bytes; the stream stands behind the lead, so that nothing is aligned. */
static void open_file(struct setup *setup, size_t lead, const void *bytes, size_t size)
{
	int folder;
	static _Alignas(64) char buffer[RK_STREAM_BUFFER_BYTES];
	char *all = test_alloc(lead + size);
	memcpy(all + lead, bytes, size);
	setup->folder = test_folder_make();
	test_write(test_path(setup->folder.path, "f"), all, lead + size);
	cr_assert_eq(rk_folder_open(&folder, setup->folder.path, NULL), RK_OK);
	cr_assert_eq(rk_file_open(&setup->file, folder, "f", NULL), RK_OK);
	rk_tensor_stream_init(&setup->stream, &setup->file, buffer);
	cr_assert_eq(rk_tensor_stream_hash(&setup->stream, lead, NULL), RK_OK);
}

static void close_file(struct setup *setup)
{
	rk_file_close(&setup->file);
	test_folder_remove(&setup->folder);
}

Test(tensor_read, halves_are_widened_across_pieces)
{
	enum { N = RK_STREAM_BUFFER_BYTES + 77 }; /* more than two buffers */
	uint16_t *halves = test_alloc(N * sizeof(*halves));
	float *values = test_alloc(N * sizeof(*values));
	static const enum rk_file_dtype dtypes[] = {RK_FILE_F16, RK_FILE_BF16};
	for (size_t i = 0; i < N; i++)
		halves[i] = (uint16_t)(i * 17 % 0x7c00);
	for (int k = 0; k < 2; k++) {
		struct setup setup;
		open_file(&setup, 3, halves, N * sizeof(*halves));
		struct rk_tensor tensor = {.dtype = dtypes[k], .n_dims = 1, .dims = {N}, .offset = 3, .bytes = 2 * N};
		cr_assert_eq(rk_tensor_stream_read(&setup.stream, &tensor, RK_SLOT_FLOATS, values, NULL), RK_OK);
		for (size_t i = 0; i < N; i++)
			cr_assert(same((double)values[i],
				       k == 0 ? value_of(halves[i], 5, 10) : value_of(halves[i], 8, 7)));
		close_file(&setup);
	}
}

/* dtype, kind, the bits of what is not finite, at which value */
static void expect_nonfinite(enum rk_file_dtype dtype, enum rk_slot_kind kind, uint32_t bits, size_t at,
			     const char *message)
{
	enum { N = RK_STREAM_BUFFER_BYTES };
	static char bytes[N * 4], memory[N * 4];
	struct setup setup;
	struct rk_error error = {.status = RK_OK};
	size_t size = dtype == RK_FILE_F32 ? 4 : 2;
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes + at * size, &bits, size); /* little endian */
	open_file(&setup, 1, bytes, N * size);
	struct rk_tensor tensor = {.dtype = dtype, .n_dims = 1, .dims = {N}, .offset = 1, .bytes = N * size};
	cr_assert_eq(rk_tensor_stream_read(&setup.stream, &tensor, kind, memory, &error), RK_INVALID);
	cr_assert_str_eq(error.message, message);
	close_file(&setup);
}

Test(tensor_read, what_is_not_finite_is_named)
{
	expect_nonfinite(RK_FILE_F32, RK_SLOT_FLOATS, 0x7fc00000, 7, "value 7: expected a finite number, found nan");
	expect_nonfinite(RK_FILE_F32, RK_SLOT_ITEMS, 0xff800000, 262143,
			 "value 262143: expected a finite number, found -inf");
	expect_nonfinite(RK_FILE_F32, RK_SLOT_FLOATS, 0x7f800001, 0, "value 0: expected a finite number, found nan");
	expect_nonfinite(RK_FILE_F16, RK_SLOT_FLOATS, 0x7c00, 200000,
			 "value 200000: expected a finite number, found inf");
	expect_nonfinite(RK_FILE_F16, RK_SLOT_ITEMS, 0xfc00, 1, "value 1: expected a finite number, found -inf");
	expect_nonfinite(RK_FILE_BF16, RK_SLOT_FLOATS, 0x7f80, 131072,
			 "value 131072: expected a finite number, found inf");
	expect_nonfinite(RK_FILE_BF16, RK_SLOT_ITEMS, 0x7fc0, 5, "value 5: expected a finite number, found nan");
	expect_nonfinite(RK_FILE_F32, RK_SLOT_HALVED_ITEMS, 0x7f800000, 100000,
			 "value 100000: expected a finite number, found inf");
	expect_nonfinite(RK_FILE_F16, RK_SLOT_HALVED_ITEMS, 0x7e00, 2, "value 2: expected a finite number, found nan");
}

Test(tensor_read, the_largest_finite_values_pass)
{
	static const uint32_t floats[] = {0x7f7fffff, 0xff7fffff, 1, 0x80000000};
	float values[4];
	struct setup setup;
	open_file(&setup, 5, floats, sizeof(floats));
	struct rk_tensor tensor = {.dtype = RK_FILE_F32, .n_dims = 1, .dims = {4}, .offset = 5, .bytes = 16};
	cr_assert_eq(rk_tensor_stream_read(&setup.stream, &tensor, RK_SLOT_FLOATS, values, NULL), RK_OK);
	cr_assert_arr_eq(values, floats, sizeof(floats));
	close_file(&setup);
}

Test(tensor_read, a_halved_table_is_rounded_across_pieces)
{
	enum { N = RK_STREAM_BUFFER_BYTES / 4 + 33 }; /* more than one buffer of floats */
	float *floats = test_alloc(N * sizeof(*floats));
	uint16_t *halves = test_alloc(N * sizeof(*halves));
	for (size_t i = 0; i < N; i++)
		floats[i] = (float)i * 0.37F - 9000.0F;
	floats[1] = 3.4e38F; /* rounds up to infinity, which a table may not hold */
	struct setup setup;
	open_file(&setup, 3, floats, N * sizeof(*floats));
	struct rk_tensor tensor = {.dtype = RK_FILE_F32, .n_dims = 1, .dims = {N}, .offset = 3, .bytes = 4 * N};
	cr_assert_eq(rk_tensor_stream_read(&setup.stream, &tensor, RK_SLOT_HALVED_ITEMS, halves, NULL), RK_OK);
	cr_assert_eq(halves[1], 0x7f7f);
	for (size_t i = 2; i < N; i++)
		cr_assert_float_eq(rk_float_of_bf16(halves[i]), floats[i], fabsf(floats[i]) * 0x1p-8F);
	close_file(&setup);
}

Test(tensor_read, everything_that_is_read_is_hashed)
{
	static char bytes[1000];
	char hex[65], expected[65], memory[100];
	struct rk_sha256 sha;
	struct setup setup;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 3);
	rk_sha256_init(&sha);
	rk_sha256_update(&sha, "\0\0\0", 3);
	rk_sha256_update(&sha, bytes, sizeof(bytes));
	rk_sha256_finish(&sha, expected);
	open_file(&setup, 3, bytes, sizeof(bytes));
	struct rk_tensor tensor = {.dtype = RK_FILE_U8, .n_dims = 1, .dims = {100}, .offset = 3, .bytes = 100};
	cr_assert_eq(rk_tensor_stream_read(&setup.stream, &tensor, RK_SLOT_U8, memory, NULL), RK_OK);
	cr_assert_eq(rk_tensor_stream_hash(&setup.stream, 900, NULL), RK_OK);
	rk_tensor_stream_skip(&setup.stream, UINT64_C(1) << 50); /* would fail here, and take days, if it were read */
	rk_sha256_finish(&setup.stream.sha, hex);
	cr_assert_str_eq(hex, expected);
	cr_assert_eq(rk_tensor_stream_hash(&setup.stream, 1, NULL), RK_IO, "there is nothing behind the end");
	close_file(&setup);
}
