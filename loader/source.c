/* Texts are read into mappings of their own that end with the parsing; only what was understood stays. */
#include "loader/source.h"

#include "loader/config_reader.h"

#include <unistd.h>

static const char config_name[] = "config.json";
static const char tensors_name[] = "model.safetensors";

static enum rk_status open_memory(struct rk_source *source, size_t json_bytes, size_t extra_bytes,
				  struct rk_error *reterr)
{
	size_t bytes = rk_config_arena_bytes(json_bytes) + rk_safetensors_arena_bytes(RK_MAX_HEADER_BYTES) +
		       rk_bind_arena_bytes(RK_MAX_TENSORS);
	if (__builtin_add_overflow(bytes, extra_bytes, &bytes))
		return rk_error_set(reterr, RK_LIMIT, "no memory for %zu bytes", extra_bytes);
	enum rk_status status = rk_pages_open(&source->memory, bytes, reterr);
	if (status != RK_OK)
		return status;
	rk_pages_refuse_huge(&source->memory); /* sized before anything is parsed, so mostly untouched */
	rk_arena_init(&source->arena, source->memory.base, source->memory.size);
	return RK_OK;
}

static enum rk_status read_config(struct rk_source *source, int folder, const struct rk_source_options *options,
				  struct rk_error *reterr)
{
	struct rk_pages pages;
	struct rk_bytes json;
	enum rk_status status = rk_file_read_all(&pages, &json, folder, config_name, RK_MAX_CONFIG_BYTES, reterr);
	if (status != RK_OK)
		return status;
	status = open_memory(source, json.size, options->extra_bytes, reterr);
	if (status == RK_OK) {
		status = rk_config_read(&source->config, json, &source->arena, reterr);
		if (status != RK_OK)
			(void)rk_error_prefix(reterr, status, "%s", config_name);
		else if (options->in_f32)
			source->config.precision = RK_PRECISION_F32;
	}
	rk_pages_close(&pages);
	return status;
}

static enum rk_status parse_head(struct rk_source *source, size_t head_bytes, struct rk_error *reterr)
{
	struct rk_pages pages;
	enum rk_status status = rk_pages_open(&pages, head_bytes, reterr);
	if (status != RK_OK)
		return status;
	status = rk_file_read(&source->file, 0, pages.base, head_bytes, reterr);
	if (status == RK_OK)
		status = rk_safetensors_parse(&source->index, (struct rk_bytes){pages.base, head_bytes},
					      source->file.size, &source->arena, reterr);
	rk_pages_close(&pages);
	return status;
}

static enum rk_status read_index(struct rk_source *source, struct rk_error *reterr)
{
	unsigned char first[8] = {0};
	size_t head_bytes;
	enum rk_status status = RK_OK;
	if (source->file.size >= sizeof(first))
		status = rk_file_read(&source->file, 0, first, sizeof(first), reterr);
	if (status == RK_OK)
		status = rk_safetensors_head_bytes(first, source->file.size, &head_bytes, reterr);
	return status == RK_OK ? parse_head(source, head_bytes, reterr) : status;
}

static enum rk_status open_parts(struct rk_source *source, int folder, const struct rk_source_options *options,
				 struct rk_error *reterr)
{
	enum rk_status status = read_config(source, folder, options, reterr);
	if (status == RK_OK)
		status = rk_file_open(&source->file, folder, tensors_name, reterr);
	if (status != RK_OK)
		return status;
	status = read_index(source, reterr);
	if (status == RK_OK)
		status = rk_bind(&source->binding, &source->config, &source->index, &source->arena, options->listener,
				 reterr);
	if (status != RK_OK)
		(void)rk_error_prefix(reterr, status, "%s", tensors_name);
	return status;
}

enum rk_status rk_source_open(struct rk_source *ret_source, const char *path, const struct rk_source_options *options,
			      struct rk_error *reterr)
{
	int folder;
	enum rk_status status = rk_folder_open(&folder, path, reterr);
	if (status != RK_OK)
		return status;
	struct rk_source source = {.file.fd = -1};
	status = open_parts(&source, folder, options, reterr);
	(void)close(folder);
	if (status != RK_OK)
		rk_source_close(&source);
	else
		*ret_source = source;
	return status;
}

void rk_source_close(struct rk_source *source)
{
	rk_file_close(&source->file);
	rk_pages_close(&source->memory);
}
