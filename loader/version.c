/*
 * Four mappings. `own_memory` comes from the source: config, index and this struct itself, small and sized before
 * anything is parsed, so mostly untouched. `memory` is sized exactly once the binding is known: layers' arrays,
 * tensors, index of the ids. `packed_memory` is what the model packs for its kernels, sized by the model once its
 * weights are in place, and `scratch_memory` is sized by the plan. Nothing else is allocated, so a version that fails
 * to load is four unmappings.
 */
#include "loader/version.h"

#include "loader/guess.h"
#include "loader/source.h"
#include "loader/tensor_read.h"
#include "model/base/check.h"

#include <string.h>

enum { SCRATCH_UNIT = 4096 }; /* bytes: no two workers share a page */

/* ---- report ---- */

static enum rk_status fill_report(struct rk_version *version, struct rk_source *source, struct rk_error *reterr)
{
	const struct rk_tensor_index *index = &source->index;
	struct rk_tensor_report *tensors = rk_arena_alloc_zeroed(&source->arena, index->n, sizeof(*tensors));
	if (tensors == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory for the report");
	for (uint32_t i = 0; i < index->n; i++) {
		const struct rk_tensor *tensor = &index->tensors[i];
		tensors[i] = (struct rk_tensor_report){.name = tensor->name,
						       .dtype = rk_file_dtype_name(tensor->dtype),
						       .n_dims = tensor->n_dims,
						       .bytes = tensor->bytes,
						       .used = source->binding.bound[i].slot != NULL};
		memcpy(tensors[i].dims, tensor->dims, sizeof(tensors[i].dims));
	}
	version->report = (struct rk_load_report){
		.n_tensors = index->n,
		.tensors = tensors,
		.n_used = source->binding.n_used,
		.n_dropped = source->binding.n_dropped,
		.used_bytes = source->binding.used_bytes,
		.dropped_bytes = source->binding.dropped_bytes,
		.file_bytes = source->file.size,
	};
	return RK_OK;
}

/* ---- tensors ---- */

static enum rk_status open_memory(struct rk_version *version, const struct rk_binding *binding,
				  struct rk_arena *ret_arena, struct rk_error *reterr)
{
	size_t bytes = rk_slots_arena_bytes(&version->model.config);
	if (__builtin_add_overflow(bytes, binding->memory_bytes, &bytes) ||
	    __builtin_add_overflow(bytes, rk_ids_bytes(binding->n_items), &bytes))
		return rk_error_set(reterr, RK_LIMIT, "the model's memory has no size");
	enum rk_status status = rk_pages_open(&version->memory, bytes, reterr);
	if (status == RK_OK)
		rk_arena_init(ret_arena, version->memory.base, version->memory.size);
	return status;
}

static enum rk_status read_tensor(struct rk_tensor_stream *stream, const struct rk_tensor *tensor,
				  const struct rk_bound *bound, struct rk_slot_target *target, struct rk_arena *arena,
				  struct rk_error *reterr)
{
	if (bound->slot == NULL) {
		rk_tensor_stream_skip(stream, tensor->bytes);
		return RK_OK;
	}
	void *memory = rk_arena_alloc(arena, rk_bind_memory_bytes(bound->kind, tensor));
	if (memory == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "%s: no memory", tensor->name.data);
	enum rk_status status = rk_tensor_stream_read(stream, tensor, bound->kind, memory, reterr);
	if (status != RK_OK)
		return rk_error_prefix(reterr, status, "%s", tensor->name.data);
	rk_slots_place(target, bound->slot, bound->i, bound->j, memory);
	return RK_OK;
}

static enum rk_status stream_tensors(struct rk_version *version, const struct rk_source *source, void *buffer,
				     struct rk_slot_target *target, struct rk_arena *arena, struct rk_error *reterr)
{
	const struct rk_tensor_index *index = &source->index;
	uint64_t head_bytes = source->file.size - source->binding.used_bytes - source->binding.dropped_bytes;
	struct rk_tensor_stream stream;
	rk_tensor_stream_init(&stream, &source->file, buffer);
	enum rk_status status = rk_tensor_stream_hash(&stream, head_bytes, reterr);
	for (uint32_t i = 0; status == RK_OK && i < index->n; i++)
		status = read_tensor(&stream, &index->tensors[i], &source->binding.bound[i], target, arena, reterr);
	if (status == RK_OK)
		status = rk_file_check_unchanged(&source->file, reterr);
	if (status == RK_OK)
		rk_sha256_finish(&stream.sha, version->report.sha256);
	return status;
}

static enum rk_status read_tensors(struct rk_version *version, const struct rk_source *source,
				   struct rk_slot_target *target, struct rk_arena *arena, struct rk_error *reterr)
{
	struct rk_pages buffer;
	enum rk_status status = rk_pages_open(&buffer, RK_STREAM_BUFFER_BYTES, reterr);
	if (status != RK_OK)
		return status;
	status = stream_tensors(version, source, buffer.base, target, arena, reterr);
	rk_pages_close(&buffer);
	return status == RK_OK ? RK_OK : rk_error_prefix(reterr, status, "model.safetensors");
}

static enum rk_status init_ids(struct rk_version *version, const struct rk_slot_target *target,
			       const struct rk_binding *binding, struct rk_arena *arena, struct rk_error *reterr)
{
	enum rk_status status;
	if (target->ids != NULL)
		status = rk_ids_init_integers(&version->ids, target->ids, binding->n_items, arena, reterr);
	else
		status = rk_ids_init_strings(&version->ids, target->id_bytes, binding->n_id_bytes, target->id_offsets,
					     binding->n_items, arena, reterr);
	if (status == RK_OK)
		return RK_OK;
	return rk_error_prefix(reterr, status, "model.safetensors: %s",
			       target->ids != NULL ? "items.ids" : "items.id_bytes, items.id_offsets");
}

/* ---- packed weights and scratches ---- */

static enum rk_status init_model(struct rk_version *version, const struct rk_version_options *options,
				 struct rk_error *reterr)
{
	struct rk_arena arena;
	size_t bytes = rk_model_init_bytes(&version->model, options->tier);
	if (__builtin_add_overflow(bytes, (size_t)RK_ARENA_ALIGNMENT, &bytes)) /* never 0, which maps nothing */
		return rk_error_set(reterr, RK_LIMIT, "the model's packed weights have no size");
	enum rk_status status = rk_pages_open(&version->packed_memory, bytes, reterr);
	if (status != RK_OK)
		return status;
	rk_arena_init(&arena, version->packed_memory.base, version->packed_memory.size);
	return rk_model_init(&version->model, &options->limits, options->tier, &arena, reterr);
}

static enum rk_status open_scratches(struct rk_version *version, uint32_t n, struct rk_arena *arena,
				     struct rk_error *reterr)
{
	struct rk_scratch **scratches = rk_arena_alloc_array(arena, n, sizeof(struct rk_scratch *));
	if (scratches == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory for %u scratches", n);
	size_t each, bytes;
	if (__builtin_add_overflow(version->model.plan.bytes, (size_t)SCRATCH_UNIT - 1, &each) ||
	    __builtin_mul_overflow(each - each % SCRATCH_UNIT, n, &bytes))
		return rk_error_set(reterr, RK_LIMIT, "%u scratches of %zu bytes have no size", n,
				    version->model.plan.bytes);
	each -= each % SCRATCH_UNIT;
	enum rk_status status = rk_pages_open(&version->scratch_memory, bytes, reterr);
	if (status != RK_OK)
		return status;
	for (uint32_t i = 0; i < n; i++)
		scratches[i] = rk_scratch_init(&version->model, (char *)version->scratch_memory.base + i * each);
	version->scratches = scratches;
	version->n_scratches = n;
	return RK_OK;
}

/* ---- version ---- */

static enum rk_status load(struct rk_version *version, struct rk_source *source,
			   const struct rk_version_options *options, struct rk_error *reterr)
{
	struct rk_arena arena;
	struct rk_slot_target target;
	version->model.config = source->config;
	enum rk_status status = fill_report(version, source, reterr);
	if (status == RK_OK)
		status = open_memory(version, &source->binding, &arena, reterr);
	if (status == RK_OK)
		status = rk_slots_alloc(&target, &version->model.config, &arena, reterr);
	if (status == RK_OK)
		status = read_tensors(version, source, &target, &arena, reterr);
	if (status == RK_OK)
		status = init_ids(version, &target, &source->binding, &arena, reterr);
	if (status != RK_OK)
		return status;
	version->model.weights = target.weights;
	version->model.weights.n_items = source->binding.n_items;
	version->model.weights.item_dtype = source->binding.item_dtype;
	status = init_model(version, options, reterr);
	if (status == RK_OK)
		status = open_scratches(version, options->n_workers + 1, &source->arena, reterr);
	if (status == RK_OK)
		status = rk_guess_learn(version, reterr);
	if (status != RK_OK)
		return status;
	rk_pages_touch(&version->memory);
	rk_pages_touch(&version->packed_memory);
	rk_pages_touch(&version->scratch_memory);
	version->weights_bytes = version->memory.size + version->packed_memory.size + source->arena.used;
	version->scratch_bytes = version->scratch_memory.size;
	return RK_OK;
}

static size_t own_bytes(uint32_t n_scratches)
{
	return sizeof(struct rk_version) + RK_MAX_TENSORS * sizeof(struct rk_tensor_report) +
	       n_scratches * sizeof(struct rk_scratch *) + 3 * (size_t)RK_ARENA_ALIGNMENT;
}

enum rk_status rk_version_open(struct rk_version **ret_version, const char *path, const char *name, uint64_t number,
			       const struct rk_version_options *options, struct rk_error *reterr)
{
	RK_ASSERT(strlen(name) < sizeof((*ret_version)->name));
	struct rk_source source;
	const struct rk_source_options source_options = {.extra_bytes = own_bytes(options->n_workers + 1),
							 .in_f32 = options->in_f32};
	enum rk_status status = rk_source_open(&source, path, &source_options, reterr);
	if (status != RK_OK)
		return status;
	struct rk_version *version = rk_arena_alloc_zeroed(&source.arena, 1, sizeof(*version));
	if (version == NULL) {
		rk_source_close(&source);
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory for a version");
	}
	memcpy(version->name, name, strlen(name) + 1);
	version->number = number;
	atomic_init(&version->pins, 0);
	status = load(version, &source, options, reterr);
	version->own_memory = source.memory;
	source.memory = (struct rk_pages){0};
	rk_source_close(&source);
	if (status != RK_OK)
		rk_version_close(version);
	else
		*ret_version = version;
	return status;
}

void rk_version_close(struct rk_version *version)
{
	if (version == NULL)
		return;
	RK_ASSERT(atomic_load(&version->pins) == 0);
	rk_pages_close(&version->scratch_memory);
	rk_pages_close(&version->packed_memory);
	rk_pages_close(&version->memory);
	struct rk_pages own = version->own_memory; /* holds the struct itself */
	rk_pages_close(&own);
}
