/* What Prometheus' client libraries call process_*, from /proc/self; a figure that cannot be read is left out. */
#include "server/metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stay open: the sandbox opens nothing here later, and a file of /proc read again from its start is up to date. */
static struct {
	int stat;
	DIR *descriptors;
	double boot_time_s;
} sources = {.stat = -1};

/* False when it cannot be read. */
static bool read_start(int fd, char *ret_text, size_t size)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, ret_text, size - 1, 0);
	if (n <= 0)
		return false;
	ret_text[n] = '\0';
	return true;
}

static double read_boot_time_s(void)
{
	static char text[65536]; /* the line of interrupts can be long */
	int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	bool is_read = read_start(fd, text, sizeof(text));
	if (fd >= 0)
		(void)close(fd);
	const char *line = is_read ? strstr(text, "\nbtime ") : NULL;
	return line == NULL ? 0 : strtod(line + 7, NULL);
}

void rk_metrics_open_process(void)
{
	if (sources.stat >= 0)
		return;
	sources.stat = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	sources.descriptors = opendir("/proc/self/fd");
	sources.boot_time_s = read_boot_time_s();
}

/* Fields of /proc/self/stat after the command's name, which may hold anything: the 3rd of proc(5) is index 0. */
struct stat_fields {
	unsigned long long user_ticks, system_ticks, start_ticks, virtual_bytes;
	long long resident_pages;
};

static bool read_stat(struct stat_fields *ret_fields)
{
	char text[1024];
	if (!read_start(sources.stat, text, sizeof(text)))
		return false;
	const char *after_name = strrchr(text, ')');
	if (after_name == NULL)
		return false;
	return sscanf(after_name + 1,
		      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu %llu %lld",
		      &ret_fields->user_ticks, &ret_fields->system_ticks, &ret_fields->start_ticks,
		      &ret_fields->virtual_bytes, &ret_fields->resident_pages) == 5;
}

static unsigned count_descriptors(void)
{
	unsigned n = 0;
	if (sources.descriptors == NULL)
		return 0;
	rewinddir(sources.descriptors);
	for (const struct dirent *entry = readdir(sources.descriptors); entry != NULL;
	     entry = readdir(sources.descriptors))
		n += entry->d_name[0] != '.';
	return n;
}

static void put(struct rk_text *text, const char *name, const char *type, const char *help, double value)
{
	rk_metrics_write_head(text, name, type, help);
	rk_metrics_write_number(text, name, "", value);
}

void rk_metrics_write_process(struct rk_text *text)
{
	struct stat_fields fields;
	rk_metrics_open_process();
	double ticks = (double)sysconf(_SC_CLK_TCK);
	if (read_stat(&fields)) {
		put(text, "process_cpu_seconds_total", "counter", "CPU time, user and system",
		    (double)(fields.user_ticks + fields.system_ticks) / ticks);
		put(text, "process_resident_memory_bytes", "gauge", "Resident memory",
		    (double)fields.resident_pages * (double)sysconf(_SC_PAGESIZE));
		put(text, "process_virtual_memory_bytes", "gauge", "Virtual memory", (double)fields.virtual_bytes);
		put(text, "process_start_time_seconds", "gauge", "Start since the epoch",
		    sources.boot_time_s + (double)fields.start_ticks / ticks);
	}
	put(text, "process_open_fds", "gauge", "Open file descriptors", count_descriptors());
	put(text, "process_max_fds", "gauge", "Most that may be open", (double)sysconf(_SC_OPEN_MAX));
}
