/* What the loader's tests share: folders that go away, and model files made to order. Failures abort the test. */
#ifndef RK_TESTS_LOADER_SUPPORT_H
#define RK_TESTS_LOADER_SUPPORT_H

#include "loader/config_reader.h"
#include "loader/safetensors.h"
#include "loader/slots.h"
#include "loader/version.h"

#include <stdarg.h>

/* ---- memory ---- */

/* An arena over a mapping of its own, never given back: a test is a process. */
struct rk_arena test_arena(size_t bytes);

/* `size` bytes of zeroed heap that stay reachable until the end, so that they are no leak. Never NULL. */
__attribute__((returns_nonnull)) void *test_alloc(size_t size);

/* ---- folders ---- */

struct test_folder {
	char path[128];
};

struct test_folder test_folder_make(void);
void test_folder_remove(const struct test_folder *folder);

/* Path of `name` in the folder, in a static buffer of 64 that are taken in turn. */
const char *test_path(const char *folder, const char *name);
void test_make_folder(const char *path);
void test_write(const char *path, const void *bytes, size_t size);
void test_write_text(const char *path, const char *text);
/* A file's bytes, with a NUL behind them. */
struct rk_bytes test_read(const char *path);
void test_copy(const char *from, const char *to);

/* ---- model files ---- */

/* A safetensors file in the making; names and data are kept as they are given. */
struct test_tensor {
	char name[RK_SLOT_NAME_BYTES];
	char dtype[16];
	uint32_t n_dims;
	uint64_t dims[RK_MAX_TENSOR_DIMS];
	const void *data;
	size_t bytes;
};
enum { TEST_MAX_TENSORS = 512 };
struct test_file {
	uint32_t n;
	struct test_tensor tensors[TEST_MAX_TENSORS];
};

/* Adds a tensor whose bytes are `data` (copied), or zeros where it is NULL. */
struct test_tensor *test_file_add(struct test_file *file, const char *name, const char *dtype, uint32_t n_dims,
				  const uint64_t *dims, const void *data, size_t bytes);
struct test_tensor *test_file_find(struct test_file *file, const char *name);
void test_file_remove(struct test_file *file, const char *name);
/* The file's bytes; data is laid out in order. */
struct rk_bytes test_file_bytes(const struct test_file *file);

/* Every tensor that the config calls for, in F32 (ids in I64: 100, 101, …), with small finite values. */
void test_file_fill(struct test_file *file, const struct rk_config *config, uint32_t n_items);

/* The arena's config of a JSON text that must be fine. */
struct rk_config test_config(struct rk_arena *arena, const char *json);

/* A valid config with a bit of everything: dim 4, sasrec of 1 layer, mlp, both feedbacks, features, additive. */
extern const char test_config_text[];

/* Writes config.json and model.safetensors of test_config_text with 3 items into the folder, which is made. */
void test_write_model(const char *folder);

/* Options for small scratches. */
struct rk_version_options test_options(void);

#endif
