/*
 * Regular files, read with read(2) into private memory: never mapped, since a mapped file that is truncated in place
 * kills the process. A file whose size or modification time changes while it is read is an error.
 */
#ifndef RK_LOADER_FILE_H
#define RK_LOADER_FILE_H

#include "model/base/pages.h"
#include "model/base/span.h"
#include "model/base/status.h"

#include <stdint.h>
#include <sys/stat.h>

struct rk_file {
	int fd;
	uint64_t size;     /* bytes, when it was opened */
	struct stat first; /* as it was opened */
};

/* Opens the folder `path` for rk_file_open; links are followed. RK_NOT_FOUND, RK_INVALID (no folder) or RK_IO.
 * Close it with close(2). */
RK_NODISCARD enum rk_status rk_folder_open(int *ret_fd, const char *path, struct rk_error *reterr);

/* Opens the regular file `name` in the folder for reading. RK_NOT_FOUND, RK_INVALID (not a regular file, or a link that
 * leads to none) or RK_IO; messages start with `name`. */
RK_NODISCARD enum rk_status rk_file_open(struct rk_file *ret_file, int folder, const char *name,
					 struct rk_error *reterr);

/* Safe on a closed file. */
void rk_file_close(struct rk_file *file);

/* Reads exactly `size` bytes at `offset`; short reads and interruptions go on. RK_IO when the file ends before. */
RK_NODISCARD enum rk_status rk_file_read(const struct rk_file *file, uint64_t offset, void *buffer, size_t size,
					 struct rk_error *reterr);

/* RK_IO when size or modification time are not those of the opening any more. */
RK_NODISCARD enum rk_status rk_file_check_unchanged(const struct rk_file *file, struct rk_error *reterr);

/* Reads the whole file `name` of the folder into a mapping of its own. RK_LIMIT when it is larger than `max_bytes`;
 * otherwise as rk_file_open; messages start with `name`. */
RK_NODISCARD enum rk_status rk_file_read_all(struct rk_pages *ret_pages, struct rk_bytes *ret_text, int folder,
					     const char *name, size_t max_bytes, struct rk_error *reterr);

#endif
