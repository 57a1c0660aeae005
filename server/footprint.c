/* Adding a part is a row of the table and a line in rk_footprint_predict. */
#include "server/footprint.h"

#include "server/connection.h"
#include "server/slot.h"
#include "server/worker.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

/* What is touched of the program, its libraries, stacks and heap by the daemons and their threads, and by the first
 * requests that are ranked. Measured; the same for any model and any settings, within about 100 KiB. */
static const size_t daemons_bytes = 720 * 1024, ranking_bytes = 380 * 1024;

/* 0 if it cannot be read. */
static size_t resident_bytes(void)
{
	char text[128];
	(void)malloc_trim(0); /* as the server does when it has loaded its models */
	unsigned long long pages = 0;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%*u %llu", &pages) == 1 ? (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

void rk_footprint_predict(const struct rk_settings *settings, const struct rk_version *version, bool has_ranked,
			  struct rk_footprint *ret_footprint)
{
	const struct rk_request_limits limits = {.max_candidates = settings->max_candidates,
						 .max_events = settings->max_history_events,
						 .max_body_bytes = settings->max_body_bytes};
	size_t resident = resident_bytes(), others = daemons_bytes + (has_ranked ? 0 : ranking_bytes);
	size_t model = version->weights_bytes + version->scratch_bytes;
	size_t n_slots = rk_slot_count(settings->workers, settings->max_connections);
	struct rk_footprint footprint = {
		.program = (resident > model ? resident - model : 0) + others,
		.weights = version->weights_bytes,
		.scratches = version->scratch_bytes,
		.arenas = settings->workers * rk_worker_arena_bytes(&limits),
		.stacks = settings->workers * rk_worker_stack_bytes(),
		.connections =
			n_slots * sizeof(struct rk_slot) + settings->max_connections * sizeof(struct rk_connection),
		.scratch = version->scratch_bytes / version->n_scratches,
	};
#define ADD_PART(name, text) footprint.total += footprint.name;
	RK_FOOTPRINT_TABLE(ADD_PART)
#undef ADD_PART
	*ret_footprint = footprint;
}

void rk_footprint_print(const struct rk_footprint *footprint, const struct rk_settings *settings)
{
	(void)printf("memory that serving takes, with %" PRIu32 " workers, %" PRIu32 " candidates and %" PRIu32
		     " events a request at most\n",
		     settings->workers, settings->max_candidates, settings->max_history_events);
#define PRINT_PART(name, text) (void)printf("  %-42s %14zu\n", text, footprint->name);
	RK_FOOTPRINT_TABLE(PRINT_PART)
#undef PRINT_PART
	(void)printf("  %-42s %14zu\n", "all", footprint->total);
	(void)printf(
		"  one worker more: %zu bytes; a model more: its weights and scratches; bodies and answers under way"
		" come on top\n",
		footprint->scratch + (footprint->arenas + footprint->stacks) / settings->workers);
}
