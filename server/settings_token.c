/* The admin token. Every check is made on the opened file, so that nothing changes between check and use. */
#include "server/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIN_TOKEN_BYTES = 32, MAX_TOKEN_BYTES = 4096 };

static enum rk_status check_file(int fd, const char *path, struct rk_error *reterr)
{
	struct stat stat;
	if (fstat(fd, &stat) != 0)
		return rk_error_set(reterr, RK_IO, "%s: cannot stat: %s", path, strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return rk_error_set(reterr, RK_INVALID, "%s: expected a regular file", path);
	if ((stat.st_mode & 077) != 0)
		return rk_error_set(reterr, RK_INVALID, "%s: expected mode 0600, found %04o", path,
				    (unsigned)(stat.st_mode & 07777));
	return RK_OK;
}

/* Whether an Authorization header can say it: such a header has one line, and its ends are trimmed. */
static bool fits_a_header(const char *token, size_t size)
{
	if (token[0] == ' ' || token[0] == '\t' || token[size - 1] == ' ' || token[size - 1] == '\t')
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)token[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static enum rk_status read_token(int fd, const char *path, char *ret_token, size_t *ret_bytes, struct rk_error *reterr)
{
	size_t used = 0;
	ssize_t n;
	do {
		n = read(fd, ret_token + used, MAX_TOKEN_BYTES + 3 - used);
		if (n < 0 && errno != EINTR)
			return rk_error_set(reterr, RK_IO, "%s: cannot read: %s", path, strerror(errno));
		used += n > 0 ? (size_t)n : 0;
	} while (n != 0 && used < MAX_TOKEN_BYTES + 3);
	while (used > 0 && (ret_token[used - 1] == '\n' || ret_token[used - 1] == '\r'))
		used--;
	if (used < MIN_TOKEN_BYTES || used > MAX_TOKEN_BYTES)
		return rk_error_set(reterr, RK_INVALID, "%s: expected a token of %d to %d bytes, found %s%zu", path,
				    MIN_TOKEN_BYTES, MAX_TOKEN_BYTES, used > MAX_TOKEN_BYTES ? "more than " : "",
				    used > MAX_TOKEN_BYTES ? (size_t)MAX_TOKEN_BYTES : used);
	if (!fits_a_header(ret_token, used))
		return rk_error_set(reterr, RK_INVALID,
				    "%s: expected a token on one line, without control characters or spaces at its "
				    "ends: no header could carry it",
				    path);
	*ret_bytes = used;
	return RK_OK;
}

enum rk_status rk_settings_read_token(const char *path, char *ret_token, size_t size, size_t *ret_bytes,
				      struct rk_error *reterr)
{
	char token[MAX_TOKEN_BYTES + 3]; /* one line end more than the longest, so that a longer one is seen */
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* O_NONBLOCK: a pipe must not hold the start up */
	if (fd < 0)
		return rk_error_set(reterr, RK_IO, "%s: cannot open: %s", path, strerror(errno));
	enum rk_status status = check_file(fd, path, reterr);
	if (status == RK_OK)
		status = read_token(fd, path, token, &n, reterr);
	(void)close(fd);
	if (status == RK_OK && n > size)
		status = rk_error_set(reterr, RK_LIMIT, "%s: the token is longer than %zu bytes", path, size);
	if (status == RK_OK) {
		memcpy(ret_token, token, n);
		*ret_bytes = n;
	}
	explicit_bzero(token, sizeof(token));
	return status;
}
