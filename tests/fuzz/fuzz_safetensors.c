/* Any bytes as the start of a model file: refused, or an index whose tensors cover the file. */
#include "loader/safetensors.h"
#include "model/base/check.h"
#include "model/base/pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rk_arena arena;
	static struct rk_pages pages;
	if (pages.base == NULL) {
		RK_ASSERT(rk_pages_open(&pages, rk_safetensors_arena_bytes(8 + RK_MAX_HEADER_BYTES), NULL) == RK_OK);
		rk_arena_init(&arena, pages.base, pages.size);
	}
	struct rk_tensor_index index;
	struct rk_error error;
	rk_arena_reset(&arena);
	struct rk_bytes head = {(const char *)data, size};
	if (rk_safetensors_parse(&index, head, size, &arena, &error) != RK_OK) {
		RK_ASSERT(error.status != RK_NO_MEMORY);
		return 0;
	}
	size_t head_bytes;
	RK_ASSERT(rk_safetensors_head_bytes(data, size, &head_bytes, NULL) == RK_OK);
	uint64_t end = head_bytes;
	for (uint32_t i = 0; i < index.n; i++) {
		RK_ASSERT(index.tensors[i].offset == end && index.tensors[i].n_dims <= RK_MAX_TENSOR_DIMS);
		end += index.tensors[i].bytes;
	}
	RK_ASSERT(end == size);
	return 0;
}
