/*
 * Three steps: the length, the JSON (bounded in depth and count before it is parsed), then each tensor by itself and
 * all of them together, sorted by offset: since their bytes cover the data exactly, no size can be a lie.
 * Offsets in the JSON count from the end of the header; in the index they count from the start of the file.
 */
#include "loader/safetensors.h"

#include "loader/foreign.h"
#include "loader/json_read.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { LENGTH_BYTES = 8 };

static const char metadata_key[] = "__metadata__";

static const struct {
	const char *name;
	uint64_t bytes;
} dtypes[] = {
#define RK_FILE_DTYPE_ROW(name, bytes) {#name, bytes},
	RK_FILE_DTYPE_TABLE(RK_FILE_DTYPE_ROW)
#undef RK_FILE_DTYPE_ROW
};

enum { N_DTYPES = sizeof(dtypes) / sizeof(dtypes[0]) };

const char *rk_file_dtype_name(enum rk_file_dtype dtype)
{
	return dtypes[dtype].name;
}

enum rk_status rk_safetensors_head_bytes(const unsigned char first[8], uint64_t file_bytes, size_t *ret_bytes,
					 struct rk_error *reterr)
{
	if (file_bytes < LENGTH_BYTES)
		return rk_error_set(reterr, RK_MALFORMED, "header: expected a file of at least %d bytes, found %llu",
				    LENGTH_BYTES, (unsigned long long)file_bytes);
	uint64_t length = 0;
	for (int i = LENGTH_BYTES - 1; i >= 0; i--)
		length = length << 8 | first[i];
	if (length > RK_MAX_HEADER_BYTES)
		return rk_error_set(reterr, RK_LIMIT, "header: expected a length of at most %d bytes, found %llu",
				    RK_MAX_HEADER_BYTES, (unsigned long long)length);
	if (length > file_bytes - LENGTH_BYTES)
		return rk_error_set(reterr, RK_MALFORMED,
				    "header: expected a length within the file's %llu bytes, found %llu",
				    (unsigned long long)file_bytes, (unsigned long long)length);
	*ret_bytes = LENGTH_BYTES + (size_t)length;
	return RK_OK;
}

size_t rk_safetensors_arena_bytes(size_t head_bytes)
{
	return RK_MAX_TENSORS * sizeof(struct rk_tensor) + head_bytes + RK_MAX_TENSORS + 2 * (size_t)RK_ARENA_ALIGNMENT;
}

/* ---- the JSON ---- */

/* Starts with '{' and ends with '}' and nothing but spaces behind it. */
static enum rk_status check_frame(struct rk_bytes json, struct rk_error *reterr)
{
	if (json.size == 0 || json.data[0] != '{')
		return rk_error_set(reterr, RK_MALFORMED, "header: expected it to begin with '{'");
	size_t end = json.size;
	while (end > 0 && json.data[end - 1] == ' ')
		end--;
	if (json.data[end - 1] != '}')
		return rk_error_set(reterr, RK_MALFORMED, "header: expected only spaces behind its last '}'");
	return RK_OK;
}

static enum rk_status read_json(json_t **ret_header, struct rk_bytes json, struct rk_error *reterr)
{
	/* a tensor is 4 keys, 3 containers, 8 + 2 numbers and their separators: fewer than 24 */
	static const struct rk_json_limits limits = {
		.max_depth = 3,
		.max_values = 24 * RK_MAX_TENSORS + 2 * RK_MAX_METADATA + 4,
		.max_token = RK_MAX_HEADER_TEXT_BYTES,
	};
	enum rk_status status = check_frame(json, reterr);
	if (status != RK_OK)
		return status;
	json_t *header = NULL;
	status = rk_json_read(&header, json, &limits, reterr);
	if (status != RK_OK)
		return rk_error_prefix(reterr, status, "header");
	*ret_header = header;
	return RK_OK;
}

static enum rk_status check_metadata(json_t *metadata, struct rk_error *reterr)
{
	if (metadata == NULL)
		return RK_OK;
	if (!json_is_object(metadata))
		return rk_error_set(reterr, RK_INVALID, "header: %s: expected an object, found %s", metadata_key,
				    rk_json_show(metadata).text);
	if (json_object_size(metadata) > RK_MAX_METADATA)
		return rk_error_set(reterr, RK_LIMIT, "header: %s: expected at most %d entries, found %zu",
				    metadata_key, RK_MAX_METADATA, json_object_size(metadata));
	const char *key;
	json_t *value;
	json_object_foreach(metadata, key, value)
	{
		if (!json_is_string(value))
			return rk_error_set(reterr, RK_INVALID, "header: %s.%s: expected a string, found %s",
					    metadata_key, rk_foreign_show(rk_bytes_of(key)).text,
					    rk_json_show(value).text);
	}
	return RK_OK;
}

/* ---- one tensor ---- */

static enum rk_status read_count(const json_t *value, const char *key, uint64_t *ret_count, struct rk_error *reterr)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return rk_error_set(reterr, RK_INVALID, "%s: expected integers of at least 0, found %s", key,
				    rk_json_show(value).text);
	*ret_count = (uint64_t)json_integer_value(value);
	return RK_OK;
}

static enum rk_status read_counts(const json_t *list, const char *key, size_t max, uint64_t *ret_counts,
				  struct rk_error *reterr)
{
	if (!json_is_array(list))
		return rk_error_set(reterr, RK_INVALID, "%s: expected a list, found %s", key, rk_json_show(list).text);
	if (json_array_size(list) > max)
		return rk_error_set(reterr, RK_INVALID, "%s: expected at most %zu numbers, found %zu", key, max,
				    json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		enum rk_status status = read_count(json_array_get(list, i), key, &ret_counts[i], reterr);
		if (status != RK_OK)
			return status;
	}
	return RK_OK;
}

static enum rk_status read_dtype(const json_t *value, enum rk_file_dtype *ret_dtype, struct rk_error *reterr)
{
	if (json_is_string(value)) {
		for (size_t i = 0; i < N_DTYPES; i++) {
			if (strcmp(json_string_value(value), dtypes[i].name) != 0)
				continue;
			*ret_dtype = (enum rk_file_dtype)i;
			return RK_OK;
		}
	}
	return rk_error_set(reterr, RK_INVALID, "dtype: expected a type of whole bytes that the format knows, found %s",
			    rk_json_show(value).text);
}

/* The product counts even where a dimension is 0, so that no absurd shape hides behind it. */
static enum rk_status size_of(const struct rk_tensor *tensor, uint64_t *ret_bytes, struct rk_error *reterr)
{
	uint64_t product = dtypes[tensor->dtype].bytes;
	bool empty = false;
	for (uint32_t i = 0; i < tensor->n_dims; i++) {
		empty = empty || tensor->dims[i] == 0;
		if (__builtin_mul_overflow(product, tensor->dims[i] > 0 ? tensor->dims[i] : 1, &product))
			return rk_error_set(reterr, RK_INVALID, "shape: expected fewer than 2^64 bytes, found more");
	}
	*ret_bytes = empty ? 0 : product;
	return RK_OK;
}

static enum rk_status read_entry(struct rk_tensor *tensor, const json_t *entry, uint64_t data_bytes,
				 struct rk_error *reterr)
{
	const json_t *dtype = json_object_get(entry, "dtype");
	const json_t *shape = json_object_get(entry, "shape");
	const json_t *offsets = json_object_get(entry, "data_offsets");
	if (dtype == NULL || shape == NULL || offsets == NULL || json_object_size(entry) != 3)
		return rk_error_set(reterr, RK_INVALID, "expected exactly dtype, shape and data_offsets, found %s",
				    json_is_object(entry) ? "other keys" : rk_json_show(entry).text);
	uint64_t range[2];
	enum rk_status status = read_dtype(dtype, &tensor->dtype, reterr);
	if (status == RK_OK)
		status = read_counts(shape, "shape", RK_MAX_TENSOR_DIMS, tensor->dims, reterr);
	if (status == RK_OK)
		status = read_counts(offsets, "data_offsets", 2, range, reterr);
	if (status != RK_OK)
		return status;
	if (json_array_size(offsets) != 2 || range[0] > range[1] || range[1] > data_bytes)
		return rk_error_set(reterr, RK_INVALID,
				    "data_offsets: expected [begin, end] in order within the file's %llu bytes of data",
				    (unsigned long long)data_bytes);
	tensor->n_dims = (uint32_t)json_array_size(shape);
	tensor->offset = range[0];
	status = size_of(tensor, &tensor->bytes, reterr);
	if (status == RK_OK && tensor->bytes != range[1] - range[0])
		return rk_error_set(reterr, RK_INVALID, "data_offsets: expected %llu bytes for the shape, found %llu",
				    (unsigned long long)tensor->bytes, (unsigned long long)(range[1] - range[0]));
	return status;
}

static enum rk_status check_name(struct rk_bytes name, struct rk_error *reterr)
{
	if (name.size == 0 || name.size > RK_MAX_TENSOR_NAME_BYTES)
		return rk_error_set(reterr, RK_LIMIT, "header: expected names of 1 to %d bytes, found one of %zu",
				    RK_MAX_TENSOR_NAME_BYTES, name.size);
	return RK_OK;
}

/* ---- all tensors ---- */

static enum rk_status read_tensors(struct rk_tensor *tensors, json_t *header, uint64_t data_bytes,
				   struct rk_error *reterr)
{
	size_t n = 0;
	void *iterator = json_object_iter(header);
	for (; iterator != NULL; iterator = json_object_iter_next(header, iterator)) {
		struct rk_bytes name = {json_object_iter_key(iterator), json_object_iter_key_len(iterator)};
		if (rk_bytes_equal(name, rk_bytes_of(metadata_key)))
			continue;
		enum rk_status status = check_name(name, reterr);
		if (status != RK_OK)
			return status;
		status = read_entry(&tensors[n], json_object_iter_value(iterator), data_bytes, reterr);
		if (status != RK_OK)
			return rk_error_prefix(reterr, status, "%s", rk_foreign_show(name).text);
		tensors[n++].name = name;
	}
	return RK_OK;
}

/* By place; of two at one place an empty tensor comes first. */
static int compare_places(const void *left, const void *right)
{
	const struct rk_tensor *a = left, *b = right;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

static enum rk_status check_cover(const struct rk_tensor *tensors, size_t n, uint64_t data_bytes,
				  struct rk_error *reterr)
{
	uint64_t end = 0;
	for (size_t i = 0; i < n; i++) {
		if (tensors[i].offset != end)
			return rk_error_set(reterr, RK_INVALID,
					    "%s: data_offsets: expected to begin at %llu, found %llu",
					    rk_foreign_show(tensors[i].name).text, (unsigned long long)end,
					    (unsigned long long)tensors[i].offset);
		end += tensors[i].bytes;
	}
	if (end != data_bytes)
		return rk_error_set(reterr, RK_INVALID,
				    "header: expected tensors for all %llu bytes of data, found %llu",
				    (unsigned long long)data_bytes, (unsigned long long)end);
	return RK_OK;
}

static enum rk_status keep_names(struct rk_tensor *tensors, size_t n, struct rk_arena *arena, struct rk_error *reterr)
{
	size_t n_bytes = 0;
	for (size_t i = 0; i < n; i++)
		n_bytes += tensors[i].name.size + 1;
	char *text = rk_arena_alloc(arena, n_bytes);
	if (text == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "header: no memory for the names");
	for (size_t i = 0; i < n; i++) {
		struct rk_bytes name = tensors[i].name;
		memcpy(text, name.data, name.size);
		text[name.size] = '\0';
		tensors[i].name.data = text;
		text += name.size + 1;
	}
	return RK_OK;
}

static enum rk_status build_index(struct rk_tensor_index *ret_index, json_t *header, uint64_t head_bytes,
				  uint64_t file_bytes, struct rk_arena *arena, struct rk_error *reterr)
{
	json_t *metadata = json_object_get(header, metadata_key);
	size_t n = json_object_size(header) - (metadata != NULL);
	if (n > RK_MAX_TENSORS)
		return rk_error_set(reterr, RK_LIMIT, "header: expected at most %d tensors, found %zu", RK_MAX_TENSORS,
				    n);
	struct rk_tensor *tensors = rk_arena_alloc_zeroed(arena, n, sizeof(*tensors));
	if (tensors == NULL)
		return rk_error_set(reterr, RK_NO_MEMORY, "header: no memory for %zu tensors", n);
	uint64_t data_bytes = file_bytes - head_bytes;
	enum rk_status status = check_metadata(metadata, reterr);
	if (status == RK_OK)
		status = read_tensors(tensors, header, data_bytes, reterr);
	if (status != RK_OK)
		return status;
	qsort(tensors, n, sizeof(*tensors), compare_places);
	status = check_cover(tensors, n, data_bytes, reterr);
	if (status == RK_OK)
		status = keep_names(tensors, n, arena, reterr);
	if (status != RK_OK)
		return status;
	for (size_t i = 0; i < n; i++)
		tensors[i].offset += head_bytes;
	*ret_index = (struct rk_tensor_index){(uint32_t)n, tensors};
	return RK_OK;
}

enum rk_status rk_safetensors_parse(struct rk_tensor_index *ret_index, struct rk_bytes head, uint64_t file_bytes,
				    struct rk_arena *arena, struct rk_error *reterr)
{
	unsigned char first[LENGTH_BYTES] = {0};
	if (head.size > 0)
		memcpy(first, head.data, head.size < LENGTH_BYTES ? head.size : LENGTH_BYTES);
	size_t head_bytes;
	enum rk_status status = rk_safetensors_head_bytes(first, file_bytes, &head_bytes, reterr);
	if (status != RK_OK)
		return status;
	if (head.size < head_bytes)
		return rk_error_set(reterr, RK_MALFORMED, "header: expected %zu bytes, found %zu", head_bytes,
				    head.size);
	json_t *header = NULL;
	struct rk_bytes json = {head.data + LENGTH_BYTES, head_bytes - LENGTH_BYTES};
	status = read_json(&header, json, reterr);
	if (status != RK_OK)
		return status;
	status = build_index(ret_index, header, head_bytes, file_bytes, arena, reterr);
	json_decref(header);
	return status;
}
