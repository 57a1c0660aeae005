/*
 * A second opinion on safetensors headers: the same rules, written again without a JSON library, as a strict recursive
 * descent over the bytes. It knows no more JSON than a header may hold; so it refuses what it does not know.
 */
#ifndef RK_TESTS_LOADER_SAFETENSORS_ORACLE_H
#define RK_TESTS_LOADER_SAFETENSORS_ORACLE_H

#include "loader/safetensors.h"

#include <stdbool.h>

enum { ORACLE_MAX_TENSORS = 16 };

struct oracle_tensor {
	char name[RK_MAX_TENSOR_NAME_BYTES + 1];
	char dtype[16];
	uint32_t n_dims;
	uint64_t dims[RK_MAX_TENSOR_DIMS];
	uint64_t begin, end;
};

struct oracle_index {
	uint32_t n;
	struct oracle_tensor tensors[ORACLE_MAX_TENSORS]; /* in the header's order */
};

/* Whether the file of `file_bytes` that begins with `head` is valid. At most ORACLE_MAX_TENSORS tensors. */
bool oracle_accepts(struct rk_bytes head, uint64_t file_bytes, struct oracle_index *ret_index);

#endif
