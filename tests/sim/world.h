/*
 * A small world with a clock of its own: clients, one I/O thread, workers, a loader and a drain, whose decisions are
 * those of the server (server/backlog.h, slot.h, connection.h, drain.h, admission.h, loader/registry_parts.h: the very
 * functions), and whose events are drawn from a seed. What a library or the kernel would do is played here.
 *
 * A seed decides everything, so a seed that breaks an invariant breaks it again.
 */
#ifndef RK_TESTS_SIM_WORLD_H
#define RK_TESTS_SIM_WORLD_H

#include "loader/registry_parts.h"
#include "server/backlog.h"
#include "server/connection.h"
#include "server/drain.h"

enum {
	MAX_CLIENTS = 24,
	MAX_WORKERS = 4,
	MAX_SLOTS = 12,
	MAX_EVENTS = 512,
	MAX_BODY = 4096,
	N_MODELS = 2,
	N_STEPS = 4, /* a ranking's looks at its version */
};

enum kind {
	CONNECT,
	BEGIN, /* the request line */
	BODY,  /* the last byte of the body */
	ABORT, /* the client goes away, whatever it was at */
	ANSWER,
	SENT,
	REAP,
	WAKE,
	STEP,
	READY,
	RELOAD,
	LOADED,
	STALL, /* the I/O thread gets no core for a while */
	TERM,
	DRAIN,
};

struct event {
	uint64_t at_ns, number; /* events of one instant happen in the order that they were made */
	enum kind kind;
	uint32_t who, generation;
};

/* What became of a request. */
enum fate { NONE, OPEN, WAITING, RANKED, SHED, REFUSED, GONE };

struct client {
	struct rk_connection connection;
	bool is_open, is_gone, will_abort, will_drip;
	uint32_t generation; /* of its connection: events of an older one mean nothing */
	uint32_t n_left;     /* requests that it still has in mind */
	enum fate fate;      /* of the request at hand */
	struct rk_slot *slot;
	uint64_t admitted; /* place in the order of admission */
	uint64_t deadline_ns, queued_ns;
	uint32_t n_body, model;
	bool found_idle; /* admitted since a worker was idle */
};

struct worker {
	struct client *client; /* NULL: idle */
	struct rk_slot *slot;
	enum rk_verdict verdict;
	struct rk_version *version;
	uint64_t number, since_ns, service_ns, cpu_ns;
	uint32_t steps_left;
	bool is_awake; /* a WAKE is on its way */
};

struct world {
	uint64_t seed, random;
	bool is_traced;
	uint64_t now_ns, io_free_ns;
	struct event events[MAX_EVENTS];
	uint32_t n_events;
	uint64_t n_made;
	/* drawn */
	uint32_t n_clients, n_workers, n_slots, max_connections;
	double limit_us, budget_ms, base_us, per_byte_us;
	bool is_exact; /* costs are as predicted, nothing is late: then so must the answers be in time */
	uint64_t timeout_ns, drained_by_ns;
	/* the server's */
	struct rk_slot_pool pool;
	struct rk_backlog backlog;
	struct rk_registry *registry;
	struct rk_drain drain;
	enum rk_phase phase;
	bool was_ready, is_accepting, is_draining, is_loading, is_stopped;
	uint32_t n_connections, n_suspended;
	/* played */
	struct client clients[MAX_CLIENTS];
	struct worker workers[MAX_WORKERS];
	struct client *queue[MAX_SLOTS]; /* in the order of admission */
	uint32_t n_queue;
	uint64_t n_admitted, next_version, longest_ns;
	uint64_t fates[GONE + 1], n_begun, n_reloads, n_busy;
};

/* Prints the seed and what is broken, and ends the program. */
_Noreturn void world_fail(const struct world *world, const char *what);
#define CHECK(world, condition)                                                                                        \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			world_fail(world, #condition);                                                                 \
	} while (0)

uint64_t draw(struct world *world);
uint64_t draw_between(struct world *world, uint64_t low, uint64_t high); /* both included */
bool draw_one_in(struct world *world, uint32_t n);

void world_after(struct world *world, uint64_t delay_ns, enum kind kind, uint32_t who, uint32_t generation);

/* `models` is a folder with N_MODELS names. Runs a seed to its end. */
void world_run(struct world *world, uint64_t seed, const char *models, bool is_traced);

/* ---- io.c: clients and the I/O thread ---- */
bool io_is_mine(enum kind kind);
void io_event(struct world *world, const struct event *event);
void io_reap(struct world *world);
void io_end(struct world *world);

/* ---- work.c: workers and the loader ---- */
void work_start(struct world *world);
void work_wake_one(struct world *world);
void work_event(struct world *world, const struct event *event);
void work_reload(struct world *world);
void work_loaded(struct world *world);
/* Without chance: what the client's request costs, and how long one more would wait. */
double work_cost_us(const struct world *world, const struct client *client);
double work_wait_us(const struct world *world);
bool work_is_idle(const struct world *world);

#endif
