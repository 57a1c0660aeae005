/*
 * What a version's folder says before a tensor is read: config, index of tensors, binding. The first half of
 * rk_version_open; `rankd inspect` uses it by itself, since it also tells about folders that do not load.
 */
#ifndef RK_LOADER_SOURCE_H
#define RK_LOADER_SOURCE_H

#include "loader/bind.h"
#include "loader/file.h"
#include "model/base/pages.h"
#include "model/config.h"

struct rk_source {
	struct rk_file file;    /* model.safetensors, open */
	struct rk_pages memory; /* of what the next fields point to, and room for the caller; taken when touched */
	struct rk_arena arena;  /* over memory */
	struct rk_config config;
	struct rk_tensor_index index;
	struct rk_binding binding;
};

struct rk_source_options {
	size_t extra_bytes;                      /* of arena, left for the caller */
	const struct rk_bind_listener *listener; /* hears of every fault of the binding; or NULL */
	bool in_f32;                             /* takes `precision` for f32, whatever the config says */
};

/* Reads config.json and the header of model.safetensors in the folder `path`, checks and binds them. Messages start
 * with the file's name. */
RK_NODISCARD enum rk_status rk_source_open(struct rk_source *ret_source, const char *path,
					   const struct rk_source_options *options, struct rk_error *reterr);

/* Safe twice. A caller that keeps the memory sets source->memory to zero before. */
void rk_source_close(struct rk_source *source);

#endif
