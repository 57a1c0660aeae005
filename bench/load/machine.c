#include "bench/load/machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void rk_load_machine_read(struct rk_load_machine *ret_machine)
{
	struct rk_load_machine machine = {.cpu_model = "unknown", .n_cores = sysconf(_SC_NPROCESSORS_ONLN)};
	cpu_set_t usable;
	if (sched_getaffinity(0, sizeof(usable), &usable) == 0)
		machine.n_usable_cores = CPU_COUNT(&usable);
	FILE *stream = fopen("/proc/cpuinfo", "re");
	char line[256];
	while (stream != NULL && fgets(line, sizeof(line), stream) != NULL) {
		const char *value = strchr(line, ':');
		if (strncmp(line, "model name", strlen("model name")) != 0 || value == NULL)
			continue;
		value += 1 + strspn(value + 1, " \t");
		(void)snprintf(machine.cpu_model, sizeof(machine.cpu_model), "%.*s", (int)strcspn(value, "\n"), value);
		break;
	}
	if (stream != NULL)
		(void)fclose(stream);
	*ret_machine = machine;
}
