/*
 * Floats are checked by their exponent's bits, and widened by moving bits, so that neither the rounding mode nor a
 * flush of denormals can change a weight that stays as it is.
 */
#include "loader/tensor_read.h"

#include "model/base/check.h"
#include "model/base/half.h"

#include <stdbool.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's values are taken as they lie there");

void rk_tensor_stream_init(struct rk_tensor_stream *stream, const struct rk_file *file, void *buffer)
{
	*stream = (struct rk_tensor_stream){.file = file, .buffer = buffer};
	rk_sha256_init(&stream->sha);
}

static enum rk_status take(struct rk_tensor_stream *stream, void *memory, size_t size, struct rk_error *reterr)
{
	enum rk_status status = rk_file_read(stream->file, stream->offset, memory, size, reterr);
	if (status != RK_OK)
		return status;
	rk_sha256_update(&stream->sha, memory, size);
	stream->offset += size;
	return RK_OK;
}

static size_t piece_of(uint64_t rest)
{
	return rest < RK_STREAM_BUFFER_BYTES ? (size_t)rest : RK_STREAM_BUFFER_BYTES;
}

enum rk_status rk_tensor_stream_hash(struct rk_tensor_stream *stream, uint64_t size, struct rk_error *reterr)
{
	enum rk_status status = RK_OK;
	for (uint64_t rest = size; status == RK_OK && rest > 0;) {
		size_t piece = piece_of(rest);
		status = take(stream, stream->buffer, piece, reterr);
		rest -= piece;
	}
	return status;
}

void rk_tensor_stream_skip(struct rk_tensor_stream *stream, uint64_t size)
{
	stream->offset += size;
}

/* ---- values ---- */

struct dtype_bits {
	uint16_t exponent16; /* all ones in the exponent: infinity or NaN */
	float (*widen)(uint16_t bits);
};

static struct dtype_bits bits_of(enum rk_file_dtype dtype)
{
	return dtype == RK_FILE_F16 ? (struct dtype_bits){0x7c00, rk_float_of_f16}
				    : (struct dtype_bits){0x7f80, rk_float_of_bf16};
}

static enum rk_status fail_nonfinite(uint64_t index, float value, struct rk_error *reterr)
{
	return rk_error_set(reterr, RK_INVALID, "value %llu: expected a finite number, found %f",
			    (unsigned long long)index, (double)value);
}

static enum rk_status check_16(const uint16_t *values, size_t n, uint64_t first, enum rk_file_dtype dtype,
			       struct rk_error *reterr)
{
	struct dtype_bits bits = bits_of(dtype);
	for (size_t i = 0; i < n; i++) {
		if ((values[i] & bits.exponent16) == bits.exponent16)
			return fail_nonfinite(first + i, bits.widen(values[i]), reterr);
	}
	return RK_OK;
}

static enum rk_status check_32(const uint32_t *values, size_t n, uint64_t first, struct rk_error *reterr)
{
	for (size_t i = 0; i < n; i++) {
		if ((values[i] & 0x7f800000) == 0x7f800000)
			return fail_nonfinite(first + i, rk_float_of_bits(values[i]), reterr);
	}
	return RK_OK;
}

static enum rk_status read_widened(struct rk_tensor_stream *stream, const struct rk_tensor *tensor, float *ret_values,
				   struct rk_error *reterr)
{
	const uint16_t *piece_values = stream->buffer;
	struct dtype_bits bits = bits_of(tensor->dtype);
	uint64_t done = 0;
	for (uint64_t rest = tensor->bytes; rest > 0;) {
		size_t piece = piece_of(rest);
		size_t n = piece / sizeof(*piece_values);
		enum rk_status status = take(stream, stream->buffer, piece, reterr);
		if (status == RK_OK)
			status = check_16(piece_values, n, done, tensor->dtype, reterr);
		if (status != RK_OK)
			return status;
		for (size_t i = 0; i < n; i++)
			ret_values[done + i] = bits.widen(piece_values[i]);
		done += n;
		rest -= piece;
	}
	return RK_OK;
}

/* F32 or F16, rounded to BF16. A finite value that rounds to infinity stays the largest: the table must be finite. */
static enum rk_status read_halved(struct rk_tensor_stream *stream, const struct rk_tensor *tensor, uint16_t *ret_halves,
				  struct rk_error *reterr)
{
	bool is_wide = tensor->dtype == RK_FILE_F32;
	size_t width = is_wide ? sizeof(float) : sizeof(uint16_t);
	uint64_t done = 0;
	for (uint64_t rest = tensor->bytes; rest > 0;) {
		size_t piece = piece_of(rest);
		size_t n = piece / width;
		enum rk_status status = take(stream, stream->buffer, piece, reterr);
		if (status == RK_OK)
			status = is_wide ? check_32(stream->buffer, n, done, reterr)
					 : check_16(stream->buffer, n, done, tensor->dtype, reterr);
		if (status != RK_OK)
			return status;
		for (size_t i = 0; i < n; i++) {
			float value = is_wide ? ((const float *)stream->buffer)[i]
					      : rk_float_of_f16(((const uint16_t *)stream->buffer)[i]);
			uint16_t half = rk_bf16_of_float(value);
			ret_halves[done + i] = (half & 0x7fff) == 0x7f80 ? (uint16_t)(half - 1) : half;
		}
		done += n;
		rest -= piece;
	}
	return RK_OK;
}

enum rk_status rk_tensor_stream_read(struct rk_tensor_stream *stream, const struct rk_tensor *tensor,
				     enum rk_slot_kind kind, void *memory, struct rk_error *reterr)
{
	RK_ASSERT(stream->offset == tensor->offset);
	if (kind == RK_SLOT_FLOATS && tensor->dtype != RK_FILE_F32)
		return read_widened(stream, tensor, memory, reterr);
	if (kind == RK_SLOT_HALVED_ITEMS)
		return read_halved(stream, tensor, memory, reterr);
	enum rk_status status = take(stream, memory, (size_t)tensor->bytes, reterr);
	bool is_float = kind == RK_SLOT_FLOATS || kind == RK_SLOT_ITEMS;
	if (status != RK_OK || !is_float)
		return status;
	if (tensor->dtype == RK_FILE_F32)
		return check_32(memory, (size_t)tensor->bytes / sizeof(uint32_t), 0, reterr);
	return check_16(memory, (size_t)tensor->bytes / sizeof(uint16_t), 0, tensor->dtype, reterr);
}
