/*
 * The header of a safetensors file: a pure function from the file's first bytes and its size to an index of tensors.
 * Rules: those of the public format (8 bytes of length, little endian; JSON that begins with '{', padded with spaces;
 * tensors that cover the data without hole or overlap up to the file's last byte) and our limits below.
 * Nothing that the file claims is believed before it has been checked against the file's size.
 */
#ifndef RK_LOADER_SAFETENSORS_H
#define RK_LOADER_SAFETENSORS_H

#include "model/base/arena.h"
#include "model/base/span.h"
#include "model/base/status.h"

#include <stdint.h>

enum {
	RK_MAX_HEADER_BYTES = 1 << 20, /* of JSON */
	RK_MAX_TENSORS = 4096,
	RK_MAX_METADATA = 4096,              /* entries of __metadata__ */
	RK_MAX_HEADER_TEXT_BYTES = 64 << 10, /* of one string as it is written */
	RK_MAX_TENSOR_DIMS = 8,
	RK_MAX_TENSOR_NAME_BYTES = 255,
};

/* enumerator and name in the file, bytes of one element. Types of less than a byte are refused. */
#define RK_FILE_DTYPE_TABLE(X)                                                                                         \
	X(BOOL, 1)                                                                                                     \
	X(U8, 1)                                                                                                       \
	X(I8, 1)                                                                                                       \
	X(F8_E5M2, 1)                                                                                                  \
	X(F8_E4M3, 1)                                                                                                  \
	X(F8_E8M0, 1)                                                                                                  \
	X(I16, 2)                                                                                                      \
	X(U16, 2)                                                                                                      \
	X(F16, 2)                                                                                                      \
	X(BF16, 2)                                                                                                     \
	X(I32, 4)                                                                                                      \
	X(U32, 4)                                                                                                      \
	X(F32, 4)                                                                                                      \
	X(F64, 8)                                                                                                      \
	X(I64, 8)                                                                                                      \
	X(U64, 8)                                                                                                      \
	X(C64, 8)

enum rk_file_dtype {
#define RK_FILE_DTYPE_ENUM(name, bytes) RK_FILE_##name,
	RK_FILE_DTYPE_TABLE(RK_FILE_DTYPE_ENUM)
#undef RK_FILE_DTYPE_ENUM
};

/* The type's name in the file: static text. */
const char *rk_file_dtype_name(enum rk_file_dtype dtype);

struct rk_tensor {
	struct rk_bytes name; /* also NUL-terminated */
	enum rk_file_dtype dtype;
	uint32_t n_dims; /* 0: a scalar */
	uint64_t dims[RK_MAX_TENSOR_DIMS];
	uint64_t offset; /* of the first byte, from the start of the file */
	uint64_t bytes;  /* product of dims × bytes of the type */
};

struct rk_tensor_index {
	uint32_t n;
	const struct rk_tensor *tensors; /* [n] in the order of their bytes, without gap */
};

/* From the file's first 8 bytes: how many bytes rk_safetensors_parse wants (8 + the JSON's).
 * RK_MALFORMED or RK_LIMIT where that cannot be. */
RK_NODISCARD enum rk_status rk_safetensors_head_bytes(const unsigned char first[8], uint64_t file_bytes,
						      size_t *ret_bytes, struct rk_error *reterr);

/* Bytes of arena that parsing `head_bytes` takes at most. */
size_t rk_safetensors_arena_bytes(size_t head_bytes);

/* Parses the file's first bytes (at least rk_safetensors_head_bytes of them). The index lives in the arena.
 * RK_MALFORMED, RK_LIMIT or RK_INVALID name the tensor and the rule. */
RK_NODISCARD enum rk_status rk_safetensors_parse(struct rk_tensor_index *ret_index, struct rk_bytes head,
						 uint64_t file_bytes, struct rk_arena *arena, struct rk_error *reterr);

#endif
