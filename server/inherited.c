#include "server/inherited.h"

#include "model/base/span.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST = 3, MOST = 2 };

static long number_of(const char *text)
{
	char *end;
	if (text == NULL || text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	long number = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' ? number : -1;
}

static int option_of(int fd, int option)
{
	int value = 0;
	socklen_t size = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

static enum rk_status check(int fd, struct rk_error *reterr)
{
	if (option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1)
		return rk_error_set(reterr, RK_INVALID, "LISTEN_FDS: descriptor %d: expected a listening stream socket",
				    fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
		return rk_error_set(reterr, RK_IO, "LISTEN_FDS: descriptor %d: %s", fd, strerror(errno));
	return RK_OK;
}

/* The i-th of the names that colons part; empty past the last. */
static struct rk_bytes name_at(const char *names, int i)
{
	for (; names != NULL && i > 0; i--) {
		names = strchr(names, ':');
		names = names == NULL ? NULL : names + 1;
	}
	return names == NULL ? (struct rk_bytes){"", 0} : (struct rk_bytes){names, strcspn(names, ":")};
}

/* Which of the two the i-th name says: 0 data, 1 admin, -1 neither. */
static int port_of(const char *names, int i)
{
	struct rk_bytes name = name_at(names, i);
	if (rk_bytes_equal(name, rk_bytes_of("data")))
		return 0;
	return rk_bytes_equal(name, rk_bytes_of("admin")) ? 1 : -1;
}

static enum rk_status assign(struct rk_inherited *ret_inherited, int n, const char *names, struct rk_error *reterr)
{
	int sockets[MOST] = {-1, -1};
	bool is_named = false;
	for (int i = 0; i < n; i++)
		is_named = is_named || port_of(names, i) >= 0;
	for (int i = 0; i < n; i++) {
		int port = is_named ? port_of(names, i) : i;
		if (port < 0 || sockets[port] >= 0)
			return rk_error_set(reterr, RK_INVALID,
					    "LISTEN_FDNAMES: expected each of data and admin at most once");
		enum rk_status status = check(FIRST + i, reterr);
		if (status != RK_OK)
			return status;
		sockets[port] = FIRST + i;
	}
	*ret_inherited = (struct rk_inherited){.data = sockets[0], .admin = sockets[1]};
	return RK_OK;
}

enum rk_status rk_inherited_take(struct rk_inherited *ret_inherited, struct rk_error *reterr)
{
	enum rk_status status = RK_OK;
	*ret_inherited = (struct rk_inherited){.data = -1, .admin = -1};
	const char *count = getenv("LISTEN_FDS");
	if (count != NULL && number_of(getenv("LISTEN_PID")) == (long)getpid()) {
		long n = number_of(count);
		if (n < 1 || n > MOST)
			status = rk_error_set(reterr, RK_INVALID, "LISTEN_FDS: expected 1 or 2, found %s", count);
		else
			status = assign(ret_inherited, (int)n, getenv("LISTEN_FDNAMES"), reterr);
	}
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	return status;
}
