#include "server/notify.h"

#include "server/clock.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un target;
static socklen_t target_size;  /* 0: nobody wants to know */
static int target_socket = -1; /* made at the start: the sandbox makes none later */
static uint64_t watchdog_ns;

/* A path, or '@' and a name of the abstract namespace. */
static void take_socket(const char *name)
{
	size_t n = name == NULL ? 0 : strlen(name);
	if (n < 2 || n >= sizeof(target.sun_path) || (name[0] != '/' && name[0] != '@'))
		return;
	target = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(target.sun_path, name, n);
	if (name[0] == '@')
		target.sun_path[0] = '\0';
	target_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	target_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* the sandbox lets a connected socket alone reach an abstract name; if nobody is there yet, the first send
	 * looks again */
	if (target_socket >= 0)
		(void)connect(target_socket, (const struct sockaddr *)&target, target_size);
}

static bool read_number(const char *text, uint64_t *ret_number)
{
	if (text == NULL || text[0] < '0' || text[0] > '9')
		return false;
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*ret_number = number;
	return true;
}

void rk_notify_open(void)
{
	uint64_t usec, pid;
	const char *pid_text = getenv("WATCHDOG_PID");
	bool is_for_us = pid_text == NULL || (read_number(pid_text, &pid) && pid == (uint64_t)getpid());
	take_socket(getenv("NOTIFY_SOCKET"));
	if (is_for_us && read_number(getenv("WATCHDOG_USEC"), &usec) && usec < UINT64_MAX / RK_NS_PER_US)
		watchdog_ns = usec * RK_NS_PER_US;
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
}

bool rk_notify_send(const char *state)
{
	if (target_socket < 0)
		return false;
	size_t n = strlen(state);
	ssize_t sent = send(target_socket, state, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && (errno == ENOTCONN || errno == ECONNREFUSED) &&
	    connect(target_socket, (const struct sockaddr *)&target, target_size) == 0)
		sent = send(target_socket, state, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent == (ssize_t)n;
}

bool rk_notify_send_reloading(void)
{
	char state[64];
	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		       (unsigned long long)(rk_clock_ns() / RK_NS_PER_US));
	return rk_notify_send(state);
}

uint64_t rk_notify_watchdog_ns(void)
{
	return target_size == 0 ? 0 : watchdog_ns;
}
