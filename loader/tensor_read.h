/*
 * A model file's bytes on their way into memory: one pass over the file in its order, each tensor straight to its
 * place, or through one small buffer where it is converted. Everything that is read is hashed; what is dropped is not
 * read.
 */
#ifndef RK_LOADER_TENSOR_READ_H
#define RK_LOADER_TENSOR_READ_H

#include "loader/file.h"
#include "loader/safetensors.h"
#include "loader/sha256.h"
#include "loader/slots.h"

enum { RK_STREAM_BUFFER_BYTES = 256 << 10 };

struct rk_tensor_stream {
	const struct rk_file *file;
	uint64_t offset; /* bytes read or passed over */
	struct rk_sha256 sha;
	void *buffer; /* RK_STREAM_BUFFER_BYTES, the caller's, aligned to 64 */
};

void rk_tensor_stream_init(struct rk_tensor_stream *stream, const struct rk_file *file, void *buffer);

/* Reads `size` bytes only to hash them. RK_IO. */
RK_NODISCARD enum rk_status rk_tensor_stream_hash(struct rk_tensor_stream *stream, uint64_t size,
						  struct rk_error *reterr);

/* Passes `size` bytes over, unread. */
void rk_tensor_stream_skip(struct rk_tensor_stream *stream, uint64_t size);

/* Reads the next tensor (the stream stands at its offset) into `memory`: floats as F32, a halved item table as BF16,
 * the rest as it is. A weight
 * that is not finite is RK_INVALID with its index; RK_IO. Messages do not name the tensor. */
RK_NODISCARD enum rk_status rk_tensor_stream_read(struct rk_tensor_stream *stream, const struct rk_tensor *tensor,
						  enum rk_slot_kind kind, void *memory, struct rk_error *reterr);

#endif
