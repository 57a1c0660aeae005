/* What the machine offers, as far as it matters to serving; for `rankd doctor`. Nothing here fails: what cannot be read
 * is empty or 0. */
#ifndef RK_SERVER_HOST_H
#define RK_SERVER_HOST_H

#include <stdint.h>

struct rk_host {
	char cpu_model[128];
	uint32_t n_cores, n_usable_cores;       /* online; those that this process may run on */
	char huge_pages[16];                    /* "always", "madvise" or "never" */
	uint64_t descriptors, most_descriptors; /* RLIMIT_NOFILE: now, and as far as it can be raised */
	uint64_t memory_limit_bytes;            /* the least of the memory cgroups around this process; 0: none */
	uint64_t memory_available_bytes;        /* MemAvailable */
};

void rk_host_read(struct rk_host *ret_host);

#endif
