/* Every read is a pread(2) loop at an explicit offset: no file position, no buffering, nothing mapped. */
#include "loader/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { MAX_READ_BYTES = 1 << 30 }; /* Linux reads at most 2 GiB at once */

static enum rk_status fail_open(const char *name, struct rk_error *reterr)
{
	int cause = errno;
	if (cause == ENOENT)
		return rk_error_set(reterr, RK_NOT_FOUND, "%s: no such file or folder", name);
	enum rk_status status = cause == ENOTDIR ? RK_INVALID : RK_IO;
	/* the usual cause while serving, and not one that the words alone suggest */
	const char *hint = cause == EACCES ? " (a sandbox follows only those links that stood there at the start)" : "";
	return rk_error_set(reterr, status, "%s: cannot be opened: %s%s", name, strerror(cause), hint);
}

enum rk_status rk_folder_open(int *ret_fd, const char *path, struct rk_error *reterr)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_open(path, reterr);
	*ret_fd = fd;
	return RK_OK;
}

static const char *type_name(mode_t mode)
{
	return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

/* A file that may be absent (golden.jsonl) must not count as absent where a link says that there should be one. */
static bool is_link(int folder, const char *name)
{
	struct stat entry;
	return fstatat(folder, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(entry.st_mode);
}

enum rk_status rk_file_open(struct rk_file *ret_file, int folder, const char *name, struct rk_error *reterr)
{
	/* without O_NONBLOCK a pipe of that name would hold the loader for ever */
	struct rk_file file = {.fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
	if (file.fd < 0) {
		enum rk_status failed = fail_open(name, reterr);
		if (failed == RK_NOT_FOUND && is_link(folder, name))
			return rk_error_set(reterr, RK_INVALID, "%s: a link that leads to no file", name);
		return failed;
	}
	enum rk_status status = RK_OK;
	if (fstat(file.fd, &file.first) != 0)
		status = rk_error_set(reterr, RK_IO, "%s: %s", name, strerror(errno));
	else if (!S_ISREG(file.first.st_mode))
		status = rk_error_set(reterr, RK_INVALID, "%s: expected a regular file, found %s", name,
				      type_name(file.first.st_mode));
	if (status != RK_OK) {
		rk_file_close(&file);
		return status;
	}
	file.size = (uint64_t)file.first.st_size;
	(void)posix_fadvise(file.fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint */
	*ret_file = file;
	return RK_OK;
}

void rk_file_close(struct rk_file *file)
{
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
}

enum rk_status rk_file_read(const struct rk_file *file, uint64_t offset, void *buffer, size_t size,
			    struct rk_error *reterr)
{
	char *at = buffer;
	while (size > 0) {
		ssize_t n = pread(file->fd, at, size < MAX_READ_BYTES ? size : MAX_READ_BYTES, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rk_error_set(reterr, RK_IO, "cannot be read: %s", strerror(errno));
		if (n == 0)
			return rk_error_set(reterr, RK_IO, "the file was cut at byte %llu while it was read",
					    (unsigned long long)offset);
		at += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return RK_OK;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

enum rk_status rk_file_check_unchanged(const struct rk_file *file, struct rk_error *reterr)
{
	struct stat now;
	if (fstat(file->fd, &now) != 0)
		return rk_error_set(reterr, RK_IO, "%s", strerror(errno));
	if (now.st_size != file->first.st_size)
		return rk_error_set(reterr, RK_IO, "the file's size changed from %lld to %lld while it was read",
				    (long long)file->first.st_size, (long long)now.st_size);
	if (!same_time(now.st_mtim, file->first.st_mtim))
		return rk_error_set(reterr, RK_IO, "the file was written to while it was read");
	return RK_OK;
}

static enum rk_status read_whole(const struct rk_file *file, struct rk_pages *ret_pages, size_t max_bytes,
				 struct rk_error *reterr)
{
	if (file->size > max_bytes)
		return rk_error_set(reterr, RK_LIMIT, "expected at most %zu bytes, found %llu", max_bytes,
				    (unsigned long long)file->size);
	struct rk_pages pages = {0};
	enum rk_status status = rk_pages_open(&pages, (size_t)file->size, reterr);
	if (status == RK_OK)
		status = rk_file_read(file, 0, pages.base, (size_t)file->size, reterr);
	if (status == RK_OK)
		status = rk_file_check_unchanged(file, reterr);
	if (status != RK_OK) {
		rk_pages_close(&pages);
		return status;
	}
	*ret_pages = pages;
	return RK_OK;
}

enum rk_status rk_file_read_all(struct rk_pages *ret_pages, struct rk_bytes *ret_text, int folder, const char *name,
				size_t max_bytes, struct rk_error *reterr)
{
	struct rk_file file;
	enum rk_status status = rk_file_open(&file, folder, name, reterr);
	if (status != RK_OK)
		return status;
	status = read_whole(&file, ret_pages, max_bytes, reterr);
	if (status == RK_OK)
		*ret_text = (struct rk_bytes){ret_pages->base, (size_t)file.size};
	else
		(void)rk_error_prefix(reterr, status, "%s", name);
	rk_file_close(&file);
	return status;
}
