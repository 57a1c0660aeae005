#include "tests/unit/loader/support.h"

#include "model/base/check.h"
#include "model/base/pages.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct rk_arena test_arena(size_t bytes)
{
	struct rk_pages pages;
	struct rk_arena arena;
	RK_ASSERT(rk_pages_open(&pages, bytes, NULL) == RK_OK);
	rk_arena_init(&arena, pages.base, pages.size);
	return arena;
}

void *test_alloc(size_t size)
{
	struct block {
		_Alignas(16) struct block *next;
	};
	static struct block *blocks;
	struct block *block = calloc(1, sizeof(*block) + size);
	RK_ASSERT(block != NULL);
	block->next = blocks;
	blocks = block;
	return block + 1;
}

/* ---- folders ---- */

struct test_folder test_folder_make(void)
{
	struct test_folder folder;
	const char *base = getenv("TMPDIR");
	(void)snprintf(folder.path, sizeof(folder.path), "%s/rk-loader-XXXXXX", base != NULL ? base : "/tmp");
	RK_ASSERT(mkdtemp(folder.path) != NULL);
	return folder;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

void test_folder_remove(const struct test_folder *folder)
{
	RK_ASSERT(nftw(folder->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

const char *test_path(const char *folder, const char *name)
{
	static char paths[64][512];
	static unsigned turn;
	char *path = paths[turn++ % 64];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

void test_make_folder(const char *path)
{
	RK_ASSERT(mkdir(path, 0700) == 0);
}

void test_write(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	RK_ASSERT(fd >= 0);
	RK_ASSERT(write(fd, bytes, size) == (ssize_t)size);
	RK_ASSERT(close(fd) == 0);
}

void test_write_text(const char *path, const char *text)
{
	test_write(path, text, strlen(text));
}

struct rk_bytes test_read(const char *path)
{
	struct stat found;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	RK_ASSERT(fd >= 0 && fstat(fd, &found) == 0);
	size_t size = (size_t)found.st_size;
	char *bytes = test_alloc(size + 1);
	RK_ASSERT(read(fd, bytes, size) == (ssize_t)size);
	bytes[size] = '\0';
	RK_ASSERT(close(fd) == 0);
	return (struct rk_bytes){bytes, size};
}

void test_copy(const char *from, const char *to)
{
	struct rk_bytes bytes = test_read(from);
	test_write(to, bytes.data, bytes.size);
}

/* ---- model files ---- */

struct test_tensor *test_file_add(struct test_file *file, const char *name, const char *dtype, uint32_t n_dims,
				  const uint64_t *dims, const void *data, size_t bytes)
{
	RK_ASSERT(file->n < TEST_MAX_TENSORS);
	struct test_tensor *tensor = &file->tensors[file->n++];
	*tensor = (struct test_tensor){.n_dims = n_dims, .bytes = bytes};
	(void)snprintf(tensor->name, sizeof(tensor->name), "%s", name);
	(void)snprintf(tensor->dtype, sizeof(tensor->dtype), "%s", dtype);
	for (uint32_t i = 0; i < n_dims; i++)
		tensor->dims[i] = dims[i];
	void *copy = test_alloc(bytes + 1);
	if (data != NULL)
		memcpy(copy, data, bytes);
	tensor->data = copy;
	return tensor;
}

struct test_tensor *test_file_find(struct test_file *file, const char *name)
{
	for (uint32_t i = 0; i < file->n; i++) {
		if (strcmp(file->tensors[i].name, name) == 0)
			return &file->tensors[i];
	}
	RK_ASSERT(false); /* no such tensor */
	return NULL;
}

void test_file_remove(struct test_file *file, const char *name)
{
	struct test_tensor *tensor = test_file_find(file, name);
	size_t n_behind = file->n - 1 - (size_t)(tensor - file->tensors);
	memmove(tensor, tensor + 1, n_behind * sizeof(*tensor));
	file->n--;
}

static size_t write_header(const struct test_file *file, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "{\"__metadata__\":{\"format\":\"pt\"}");
	size_t offset = 0;
	for (uint32_t i = 0; i < file->n; i++) {
		const struct test_tensor *tensor = &file->tensors[i];
		used += (size_t)snprintf(text + used, size - used, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[",
					 tensor->name, tensor->dtype);
		for (uint32_t k = 0; k < tensor->n_dims; k++)
			used += (size_t)snprintf(text + used, size - used, "%s%llu", k > 0 ? "," : "",
						 (unsigned long long)tensor->dims[k]);
		used += (size_t)snprintf(text + used, size - used, "],\"data_offsets\":[%zu,%zu]}", offset,
					 offset + tensor->bytes);
		offset += tensor->bytes;
	}
	used += (size_t)snprintf(text + used, size - used, "}");
	RK_ASSERT(used < size);
	return used;
}

struct rk_bytes test_file_bytes(const struct test_file *file)
{
	size_t data_bytes = 0;
	for (uint32_t i = 0; i < file->n; i++)
		data_bytes += file->tensors[i].bytes;
	size_t room = 1 << 20;
	char *bytes = test_alloc(room + data_bytes);
	uint64_t length = write_header(file, bytes + 8, room - 8);
	while (length % 8 != 0)
		bytes[8 + length++] = ' ';
	memcpy(bytes, &length, 8);
	size_t used = 8 + (size_t)length;
	for (uint32_t i = 0; i < file->n; i++) {
		memcpy(bytes + used, file->tensors[i].data, file->tensors[i].bytes);
		used += file->tensors[i].bytes;
	}
	return (struct rk_bytes){bytes, used};
}

struct filler {
	struct test_file *file;
	uint32_t n_items;
};

static enum rk_status fill_one(void *context, const struct rk_slot_tensor *tensor)
{
	struct filler *filler = context;
	uint64_t dims[2] = {(uint64_t)tensor->dims[0], (uint64_t)tensor->dims[1]};
	size_t n = (size_t)(tensor->n_dims == 2 ? dims[0] * dims[1] : dims[0]);
	if (tensor->need == RK_SLOT_ID) {
		if (strcmp(tensor->name, "items.ids") != 0)
			return RK_OK;
		int64_t *ids = test_alloc(n * sizeof(*ids));
		for (size_t i = 0; i < n; i++)
			ids[i] = 100 + (int64_t)i;
		(void)test_file_add(filler->file, tensor->name, "I64", 1, dims, ids, n * sizeof(*ids));
		return RK_OK;
	}
	float *values = test_alloc(n * sizeof(*values));
	for (size_t i = 0; i < n; i++)
		values[i] = 0.125F * (float)(int)(i * 7 % 11) - 0.5F;
	(void)test_file_add(filler->file, tensor->name, "F32", tensor->n_dims, dims, values, n * sizeof(*values));
	return RK_OK;
}

void test_file_fill(struct test_file *file, const struct rk_config *config, uint32_t n_items)
{
	struct filler filler = {file, n_items};
	RK_ASSERT(rk_slots_walk(config, n_items, fill_one, &filler) == RK_OK);
}

struct rk_config test_config(struct rk_arena *arena, const char *json)
{
	struct rk_config config;
	struct rk_error error = {.status = RK_OK};
	enum rk_status status = rk_config_read(&config, rk_bytes_of(json), arena, &error);
	if (status != RK_OK)
		(void)fprintf(stderr, "%s\n", error.message);
	RK_ASSERT(status == RK_OK);
	return config;
}

const char test_config_text[] =
	"{\"format\": \"rankd-model/1\", \"name\": \"a note\", \"dim\": 4,"
	" \"actions\": [\"click\", \"like\", \"hate\", \"skip\"],"
	" \"derived_actions\": [{\"name\": \"skip\", \"watch_ms_below\": 3000}],"
	" \"encoder\": {\"type\": \"sasrec\", \"max_history\": 5, \"layers\": 1, \"heads\": 2, \"ffn\": 6,"
	"  \"activation\": \"gelu\", \"norm\": \"pre\", \"position\": \"from_end\", \"use_actions\": true,"
	"  \"input_norm\": true, \"scale_embedding\": true, \"final_norm\": true, \"norm_eps\": 1e-6},"
	" \"feedback\": {\"positive\": {\"actions\": [\"like\"], \"max\": 3},"
	"  \"negative\": {\"explicit\": [\"hate\"], \"implicit\": [\"skip\"], \"max\": 2}},"
	" \"features\": {\"user\": [{\"type\": \"categorical\", \"name\": \"hour\", \"values\": [5, \"5\", -1, \"b\"],"
	"   \"dim\": 2}, {\"name\": \"age\", \"type\": \"numeric\", \"mean\": 4, \"std\": 2.5, \"log1p\": true}],"
	"  \"candidate\": [{\"name\": \"price\", \"type\": \"numeric\", \"mean\": 0, \"std\": 1}]},"
	" \"ranker\": {\"type\": \"mlp\", \"hidden\": [7, 5], \"activation\": \"relu\","
	"  \"target_attention\": {\"heads\": 2}},"
	" \"signals\": [\"click\", \"like\"],"
	" \"reward\": {\"type\": \"additive\", \"weights\": {\"like\": 2.5}},"
	" \"golden_tolerance\": 1e-3, \"precision\": \"f32\"}";

void test_write_model(const char *folder)
{
	static struct test_file file;
	struct rk_arena arena = test_arena(rk_config_arena_bytes(sizeof(test_config_text)));
	struct rk_config config = test_config(&arena, test_config_text);
	file.n = 0;
	test_file_fill(&file, &config, 3);
	struct rk_bytes bytes = test_file_bytes(&file);
	test_make_folder(folder);
	test_write_text(test_path(folder, "config.json"), test_config_text);
	test_write(test_path(folder, "model.safetensors"), bytes.data, bytes.size);
}

struct rk_version_options test_options(void)
{
	return (struct rk_version_options){
		.limits = {.max_candidates = 16, .max_events = 16}, .tier = RK_CPU_SCALAR, .n_workers = 1};
}
