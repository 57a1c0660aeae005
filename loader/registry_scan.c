/* One walk over a folder's subfolders; what an entry's name means is the visitor's. */
#include "loader/registry_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool rk_scan_is_model_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t size = strlen(name);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return size >= 1 && size <= RK_MAX_MODEL_NAME_BYTES && strspn(name, allowed) == size;
}

bool rk_scan_parse_version(const char *text, uint64_t *ret_number)
{
	int64_t number = 0;
	if (*text < '1' || *text > '9')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, (int64_t)10, &number) ||
		    __builtin_add_overflow(number, (int64_t)(*text - '0'), &number))
			return false;
	}
	*ret_number = (uint64_t)number;
	return true;
}

/* ---- a version's folder by itself ---- */

/* Cuts the path's last component off, without slashes around it; NULL where there is none. */
static const char *cut_last(char *path)
{
	size_t size = strlen(path);
	while (size > 0 && path[size - 1] == '/')
		path[--size] = '\0';
	if (size == 0)
		return NULL;
	char *slash = strrchr(path, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

/* The path must have a slash before its first component. */
static bool guess_from(const char *path, char ret_name[RK_MAX_MODEL_NAME_BYTES + 1], uint64_t *ret_number)
{
	char copy[RK_MAX_PATH_BYTES];
	int n = snprintf(copy, sizeof(copy), "/%s", path);
	if (n < 0 || (size_t)n >= sizeof(copy))
		return false;
	const char *last = cut_last(copy);
	if (last == NULL)
		return false;
	uint64_t number;
	if (!rk_scan_parse_version(last, &number)) {
		if (rk_scan_is_model_name(last))
			memcpy(ret_name, last, strlen(last) + 1);
		return false;
	}
	const char *name = cut_last(copy);
	if (name == NULL || !rk_scan_is_model_name(name))
		return false;
	memcpy(ret_name, name, strlen(name) + 1);
	*ret_number = number;
	return true;
}

void rk_scan_guess(const char *path, char ret_name[RK_MAX_MODEL_NAME_BYTES + 1], uint64_t *ret_number)
{
	memcpy(ret_name, "model", sizeof("model"));
	*ret_number = 0;
	if (guess_from(path, ret_name, ret_number))
		return;
	char *real = realpath(path, NULL);
	char name[RK_MAX_MODEL_NAME_BYTES + 1] = "";
	if (real != NULL && (guess_from(real, name, ret_number) || strcmp(ret_name, "model") == 0) && name[0] != '\0')
		memcpy(ret_name, name, sizeof(name));
	free(real);
}

/* ---- a growing array ---- */

struct list {
	char *bytes;
	size_t n, room, size_each, max;
	const char *what;
};

static enum rk_status add(struct list *list, const void *element, struct rk_error *reterr)
{
	if (list->n == list->max)
		return rk_error_set(reterr, RK_LIMIT, "expected at most %zu %s, found more", list->max, list->what);
	if (list->n == list->room) {
		size_t room = list->room == 0 ? 8 : 2 * list->room;
		char *bytes = realloc(list->bytes, room * list->size_each);
		if (bytes == NULL)
			return rk_error_set(reterr, RK_NO_MEMORY, "no memory for %zu %s", room, list->what);
		list->bytes = bytes;
		list->room = room;
	}
	memcpy(list->bytes + list->n * list->size_each, element, list->size_each);
	list->n++;
	return RK_OK;
}

/* ---- folders ---- */

typedef enum rk_status (*entry_fn)(struct list *list, const char *name, struct rk_error *reterr);

static bool is_folder(DIR *folder, const char *name)
{
	struct stat found;
	return fstatat(dirfd(folder), name, &found, 0) == 0 && S_ISDIR(found.st_mode);
}

static enum rk_status walk(DIR *folder, entry_fn visit, struct list *list, struct rk_error *reterr)
{
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (entry == NULL)
			break;
		if (!rk_scan_is_model_name(entry->d_name) || !is_folder(folder, entry->d_name))
			continue;
		enum rk_status status = visit(list, entry->d_name, reterr);
		if (status != RK_OK)
			return status;
	}
	return errno == 0 ? RK_OK : rk_error_set(reterr, RK_IO, "cannot be listed: %s", strerror(errno));
}

static enum rk_status scan(const char *path, entry_fn visit, struct list *list, struct rk_error *reterr)
{
	DIR *folder = opendir(path);
	if (folder == NULL)
		return rk_error_set(reterr, errno == ENOENT ? RK_NOT_FOUND : RK_IO, "%s: cannot be listed: %s", path,
				    strerror(errno));
	enum rk_status status = walk(folder, visit, list, reterr);
	(void)closedir(folder);
	if (status != RK_OK) {
		free(list->bytes);
		return rk_error_prefix(reterr, status, "%s", path);
	}
	return RK_OK;
}

/* ---- models ---- */

static enum rk_status add_name(struct list *list, const char *name, struct rk_error *reterr)
{
	char padded[RK_MAX_MODEL_NAME_BYTES + 1] = {0};
	memcpy(padded, name, strlen(name));
	return add(list, padded, reterr);
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(left, right);
}

enum rk_status rk_scan_models(struct rk_scan_names *ret_names, const char *models, struct rk_error *reterr)
{
	struct list list = {.size_each = sizeof(*ret_names->names), .max = RK_MAX_MODELS, .what = "models"};
	enum rk_status status = scan(models, add_name, &list, reterr);
	if (status != RK_OK)
		return status;
	if (list.n > 0)
		qsort(list.bytes, list.n, list.size_each, compare_names);
	ret_names->n = (uint32_t)list.n;
	ret_names->names = (void *)list.bytes;
	return RK_OK;
}

/* ---- versions ---- */

static enum rk_status add_version(struct list *list, const char *name, struct rk_error *reterr)
{
	uint64_t number;
	return rk_scan_parse_version(name, &number) ? add(list, &number, reterr) : RK_OK;
}

static int compare_newest_first(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;
	return (*a < *b) - (*a > *b);
}

enum rk_status rk_scan_versions(struct rk_scan_versions *ret_versions, const char *models, const char *name,
				struct rk_error *reterr)
{
	char path[RK_MAX_PATH_BYTES];
	int n = snprintf(path, sizeof(path), "%s/%s", models, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return rk_error_set(reterr, RK_LIMIT, "%s: the path is too long", name);
	struct list list = {.size_each = sizeof(uint64_t), .max = RK_MAX_VERSIONS, .what = "versions"};
	enum rk_status status = scan(path, add_version, &list, reterr);
	if (status != RK_OK)
		return status;
	if (list.n > 0)
		qsort(list.bytes, list.n, list.size_each, compare_newest_first);
	ret_versions->n = (uint32_t)list.n;
	ret_versions->numbers = (void *)list.bytes;
	return RK_OK;
}
