#include "server/host.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The start of a file; "" if it cannot be read. */
static void read_text(const char *path, char *ret_text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret_text, size - 1);
	if (fd >= 0)
		(void)close(fd);
	ret_text[n > 0 ? n : 0] = '\0';
}

/* What follows "key…:" on its line, without the white space before it. */
static void find_value(const char *text, const char *key, char *ret_value, size_t size)
{
	const char *line = strstr(text, key);
	const char *value = line == NULL ? NULL : strchr(line, ':');
	ret_value[0] = '\0';
	if (value == NULL)
		return;
	value += 1 + strspn(value + 1, " \t");
	(void)snprintf(ret_value, size, "%.*s", (int)strcspn(value, "\n"), value);
}

static void read_cpu(struct rk_host *host)
{
	char text[4096];
	cpu_set_t usable;
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	read_text("/proc/cpuinfo", text, sizeof(text));
	find_value(text, "model name", host->cpu_model, sizeof(host->cpu_model));
	host->n_cores = n > 0 ? (uint32_t)n : 0;
	if (sched_getaffinity(0, sizeof(usable), &usable) == 0)
		host->n_usable_cores = (uint32_t)CPU_COUNT(&usable);
}

/* "always [madvise] never" */
static void read_huge_pages(struct rk_host *host)
{
	char text[128];
	read_text("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text));
	const char *chosen = strchr(text, '[');
	if (chosen != NULL)
		(void)snprintf(host->huge_pages, sizeof(host->huge_pages), "%.*s", (int)strcspn(chosen + 1, "]"),
			       chosen + 1);
}

static void read_descriptors(struct rk_host *host)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	host->descriptors = limit.rlim_cur;
	host->most_descriptors = limit.rlim_max;
}

/* ---- memory cgroups ---- */

/* A limit in a file; 0 for none ("max", or the old interface's huge number). */
static uint64_t read_limit(const char *path)
{
	char text[64];
	read_text(path, text, sizeof(text));
	unsigned long long limit = strtoull(text, NULL, 10);
	return limit >= (1ULL << 60) ? 0 : limit;
}

/* The least limit of the group and of those around it. Inside a container the group's path may not be there, but its
 * top is the container's own group. */
static uint64_t least_limit(const char *mount, char *group, const char *file)
{
	uint64_t least = 0;
	for (;;) {
		char path[4096];
		int n = snprintf(path, sizeof(path), "%s%s/%s", mount, group, file);
		uint64_t limit = n > 0 && (size_t)n < sizeof(path) ? read_limit(path) : 0;
		if (limit > 0 && (least == 0 || limit < least))
			least = limit;
		char *slash = strrchr(group, '/');
		if (slash == NULL)
			return least;
		*slash = '\0';
	}
}

/* Copies the group's path after `prefix` on a line of /proc/self/cgroup; false if there is none. */
static bool find_group(const char *text, const char *prefix, char *ret_group, size_t size)
{
	const char *line = strstr(text, prefix);
	if (line == NULL)
		return false;
	line += strlen(prefix);
	(void)snprintf(ret_group, size, "%.*s", (int)strcspn(line, "\n"), line);
	return true;
}

static void read_memory(struct rk_host *host)
{
	char text[4096], group[2048], value[64];
	read_text("/proc/self/cgroup", text, sizeof(text));
	if (find_group(text, ":memory:", group, sizeof(group)))
		host->memory_limit_bytes = least_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
	else if (find_group(text, "0::", group, sizeof(group)))
		host->memory_limit_bytes = least_limit("/sys/fs/cgroup", group, "memory.max");
	read_text("/proc/meminfo", text, sizeof(text));
	find_value(text, "MemAvailable", value, sizeof(value));
	host->memory_available_bytes = strtoull(value, NULL, 10) * 1024;
}

void rk_host_read(struct rk_host *ret_host)
{
	*ret_host = (struct rk_host){.n_cores = 0};
	read_cpu(ret_host);
	read_huge_pages(ret_host);
	read_descriptors(ret_host);
	read_memory(ret_host);
}
