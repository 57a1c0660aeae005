/*
 * Landlock, by its system calls: glibc wraps none of them, and the header of an older system lacks the newer rights.
 * Every right that the kernel knows is taken away; reading is given back below the models folder, and below what its
 * links point to at this moment, and of /dev/urandom. A rule holds for a file or folder itself, not for its name: what
 * is copied or renamed into the models folder later can be read, what a later link points to outside it cannot.
 */
#include "server/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/landlock.h as of ABI 7; the kernel takes a longer struct than it knows if the rest is zero. */
enum {
	CREATE_RULESET_VERSION = 1,
	RULE_PATH_BENEATH = 1,
	LINK_LEVELS = 3, /* models/<name>/<version>/<file> */
};

enum file_right {
	RIGHT_READ_FILE = 1 << 2,
	RIGHT_READ_DIR = 1 << 3,
	RIGHT_REMOVE_FILE = 1 << 5,
};

struct ruleset_rights {
	uint64_t files, network, scopes;
};

struct path_rule {
	uint64_t rights;
	int32_t parent;
} __attribute__((packed));

/* How many file rights, network rights and scopes each ABI knows; they are numbered from bit 0. */
static const struct {
	unsigned files, network, scopes;
} known[] = {{0, 0, 0}, {13, 0, 0}, {14, 0, 0}, {15, 0, 0}, {15, 2, 0}, {16, 2, 0}, {16, 2, 2}};

static uint64_t lowest_bits(unsigned n)
{
	return (UINT64_C(1) << n) - 1;
}

/* All rights that the ABI knows; a newer one than ours knows at least these. */
static struct ruleset_rights all_rights(int abi)
{
	int newest = (int)(sizeof(known) / sizeof(known[0])) - 1;
	int at = abi < newest ? abi : newest;
	return (struct ruleset_rights){.files = lowest_bits(known[at].files),
				       .network = lowest_bits(known[at].network),
				       .scopes = lowest_bits(known[at].scopes)};
}

int rk_sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);
	return abi > 0 && abi <= INT_MAX ? (int)abi : 0;
}

/* What is not there gets no rule: whoever needs it says so better. */
static enum rk_status allow(int ruleset, int folder, const char *name, uint64_t rights, struct rk_error *reterr)
{
	struct stat found;
	int fd = openat(folder, name, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &found) != 0) {
		if (fd >= 0)
			(void)close(fd);
		return RK_OK;
	}
	if (!S_ISDIR(found.st_mode))
		rights &= RIGHT_READ_FILE; /* the kernel refuses a folder's rights for a file */
	struct path_rule rule = {.rights = rights, .parent = fd};
	long result = rights == 0 ? 0 : syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0U);
	int cause = errno;
	(void)close(fd);
	return result == 0 ? RK_OK : rk_error_set(reterr, RK_IO, "%s: Landlock rule: %s", name, strerror(cause));
}

static enum rk_status allow_links(int ruleset, int folder, int levels, uint32_t *n_links, struct rk_error *reterr);

static enum rk_status allow_entry(int ruleset, int folder, const char *name, int levels, uint32_t *n_links,
				  struct rk_error *reterr)
{
	struct stat found;
	enum rk_status status = RK_OK;
	if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0)
		return RK_OK;
	if (S_ISLNK(found.st_mode)) {
		(*n_links)++;
		status = allow(ruleset, folder, name, RIGHT_READ_FILE | RIGHT_READ_DIR, reterr);
	}
	if (status != RK_OK || levels == 1 || (!S_ISLNK(found.st_mode) && !S_ISDIR(found.st_mode)))
		return status;
	int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return below < 0 ? RK_OK : allow_links(ruleset, below, levels - 1, n_links, reterr);
}

/* Takes the descriptor over. */
static enum rk_status allow_links(int ruleset, int folder, int levels, uint32_t *n_links, struct rk_error *reterr)
{
	enum rk_status status = RK_OK;
	DIR *stream = fdopendir(folder);
	if (stream == NULL) {
		(void)close(folder);
		return rk_error_set(reterr, RK_IO, "cannot list a models folder: %s", strerror(errno));
	}
	const struct dirent *entry;
	while (status == RK_OK && (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			status = allow_entry(ruleset, dirfd(stream), entry->d_name, levels, n_links, reterr);
	(void)closedir(stream);
	return status;
}

/* Removing a socket's file is a right of the folder that holds it. */
static enum rk_status allow_removal(int ruleset, const char *path, struct rk_error *reterr)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t size = slash == NULL ? 0 : (size_t)(slash - path);
	if (size >= sizeof(folder))
		return RK_OK;
	memcpy(folder, path, size);
	folder[size] = '\0';
	return allow(ruleset, AT_FDCWD, slash == NULL ? "." : size == 0 ? "/" : folder, RIGHT_REMOVE_FILE, reterr);
}

static enum rk_status add_rules(int ruleset, const struct rk_sandbox_options *options, uint32_t *n_links,
				struct rk_error *reterr)
{
	enum rk_status status = allow(ruleset, AT_FDCWD, options->models, RIGHT_READ_FILE | RIGHT_READ_DIR, reterr);
	if (status == RK_OK) /* where libraries take the seeds of their hash tables from */
		status = allow(ruleset, AT_FDCWD, "/dev/urandom", RIGHT_READ_FILE, reterr);
	int models = open(options->models, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (status == RK_OK && models >= 0)
		status = allow_links(ruleset, models, LINK_LEVELS, n_links, reterr);
	for (size_t i = 0; i < sizeof(options->sockets) / sizeof(options->sockets[0]) && status == RK_OK; i++)
		if (options->sockets[i] != NULL)
			status = allow_removal(ruleset, options->sockets[i], reterr);
	return status;
}

enum rk_status rk_sandbox_restrict_files(const struct rk_sandbox_options *options, int abi, uint32_t *ret_n_links,
					 struct rk_error *reterr)
{
	struct ruleset_rights rights = all_rights(abi);
	uint32_t n_links = 0;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof(rights), 0U);
	if (ruleset < 0)
		return rk_error_set(reterr, RK_IO, "Landlock rules: %s", strerror(errno));
	enum rk_status status = add_rules(ruleset, options, &n_links, reterr);
	if (status == RK_OK && syscall(SYS_landlock_restrict_self, ruleset, 0U) != 0)
		status = rk_error_set(reterr, RK_IO, "Landlock: %s", strerror(errno));
	(void)close(ruleset);
	if (status == RK_OK)
		*ret_n_links = n_links;
	return status;
}
