/* The clock, the drain, and what has to hold at the end. */
#include "tests/sim/world.h"

#include "model/base/check.h"
#include "server/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LOOK_MS = 6 };

static const char *const kind_names[] = {"connect", "begin", "body",   "abort",  "answer", "sent", "reap", "wake",
					 "step",    "ready", "reload", "loaded", "stall",  "term", "drain"};

void world_fail(const struct world *world, const char *what)
{
	(void)fprintf(stderr, "seed %llu at %.6f ms: broken: %s\n", (unsigned long long)world->seed,
		      (double)world->now_ns / (double)RK_NS_PER_MS, what);
	exit(1);
}

/* ---- chance: splitmix64 ---- */

uint64_t draw(struct world *world)
{
	uint64_t z = world->random += 0x9e3779b97f4a7c15U;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

uint64_t draw_between(struct world *world, uint64_t low, uint64_t high)
{
	return low + draw(world) % (high - low + 1);
}

bool draw_one_in(struct world *world, uint32_t n)
{
	return draw(world) % n == 0;
}

/* ---- events: a binary heap ---- */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void push(struct world *world, struct event event)
{
	CHECK(world, world->n_events < MAX_EVENTS);
	uint32_t at = world->n_events++;
	for (; at > 0 && is_before(&event, &world->events[(at - 1) / 2]); at = (at - 1) / 2)
		world->events[at] = world->events[(at - 1) / 2];
	world->events[at] = event;
}

static struct event pop(struct world *world)
{
	struct event first = world->events[0], last = world->events[--world->n_events];
	uint32_t at = 0;
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child + 1 < world->n_events && is_before(&world->events[child + 1], &world->events[child]))
			child++;
		if (child >= world->n_events || !is_before(&world->events[child], &last))
			break;
		world->events[at] = world->events[child];
		at = child;
	}
	world->events[at] = last;
	return first;
}

void world_after(struct world *world, uint64_t delay_ns, enum kind kind, uint32_t who, uint32_t generation)
{
	push(world, (struct event){.at_ns = world->now_ns + delay_ns,
				   .number = world->n_made++,
				   .kind = kind,
				   .who = who,
				   .generation = generation});
}

/* ---- the beginning ---- */

static void draw_world(struct world *world)
{
	world->n_clients = (uint32_t)draw_between(world, 1, MAX_CLIENTS);
	world->n_workers = (uint32_t)draw_between(world, 1, MAX_WORKERS);
	world->n_slots = (uint32_t)draw_between(world, 1, MAX_SLOTS);
	world->max_connections = (uint32_t)draw_between(world, 1, MAX_CLIENTS);
	world->limit_us = (double)draw_between(world, 1, 20) * 1000;
	world->budget_ms = (double)draw_between(world, 2, 40);
	world->base_us = (double)draw_between(world, 50, 3000);
	world->per_byte_us = (double)draw_between(world, 0, 3000) / MAX_BODY;
	world->is_exact = draw_one_in(world, 4);
	world->timeout_ns = draw_between(world, 20, 200) * RK_NS_PER_MS;
	/* no run takes longer: all that work.c adds to a cost at once */
	double most_us = (world->base_us + world->per_byte_us * MAX_BODY) * 1.3 * 1.4;
	world->longest_ns = (uint64_t)(most_us * (double)RK_NS_PER_US) + 40 * RK_NS_PER_MS;
}

/* Predictors that know the costs already. */
static void teach(struct world *world)
{
	for (uint32_t i = 0; i < N_MODELS; i++) {
		struct rk_predictor *predictor = &world->backlog.predictors[i];
		for (uint32_t k = 0; k < 64; k++) {
			size_t n_body = 1 + k * MAX_BODY / 64;
			rk_predictor_learn(predictor, n_body, world->base_us + world->per_byte_us * (double)n_body);
		}
	}
}

static void open_world(struct world *world, const char *models)
{
	struct rk_backlog_options backlog = {.capacity = world->n_slots,
					     .n_workers = world->n_workers,
					     .n_predictors = N_MODELS,
					     .limit_us = world->limit_us};
	struct rk_registry_options registry = {.models = models};
	RK_ASSERT(rk_slot_pool_open(&world->pool, world->n_slots, MAX_BODY, 4096, NULL) == RK_OK);
	RK_ASSERT(rk_backlog_open(&world->backlog, &backlog, NULL) == RK_OK);
	RK_ASSERT(rk_registry_open(&world->registry, &registry, NULL) == RK_OK);
	world->phase = RK_PHASE_STARTING;
	world->is_accepting = true;
	if (world->is_exact)
		teach(world);
	for (uint32_t i = 0; i < world->n_clients; i++) {
		struct client *client = &world->clients[i];
		RK_ASSERT(pthread_mutex_init(&client->connection.lock, NULL) == 0);
		client->n_left = (uint32_t)draw_between(world, 1, 12);
		world_after(world, draw_between(world, 0, 40 * RK_NS_PER_MS), CONNECT, i, 0);
	}
	world_after(world, draw_between(world, 0, 5 * RK_NS_PER_MS), READY, 0, 0);
	world_after(world, draw_between(world, 1, 40) * RK_NS_PER_MS, RELOAD, 0, 0);
	world_after(world, draw_between(world, 1, 40) * RK_NS_PER_MS, REAP, 0, 0);
	world_after(world, draw_between(world, 20, 250) * RK_NS_PER_MS, TERM, 0, 0);
	if (!world->is_exact)
		world_after(world, draw_between(world, 1, 100) * RK_NS_PER_MS, STALL, 0, 0);
}

/* ---- the drain ---- */

static void begin_drain(struct world *world)
{
	if (!world->was_ready) { /* the process ends at once */
		world->is_stopped = true;
		rk_backlog_close(&world->backlog);
		return;
	}
	struct rk_drain_options options = {.delay_ns = draw_between(world, 0, 30) * RK_NS_PER_MS,
					   .timeout_ns = draw_between(world, 0, 60) * RK_NS_PER_MS,
					   .grace_ns = draw_between(world, 0, 60) * RK_NS_PER_MS};
	world->is_draining = true;
	world->phase = RK_PHASE_LEAVING;
	rk_drain_begin(&world->drain, &options, world->now_ns);
	world->drained_by_ns = world->now_ns + options.delay_ns + options.timeout_ns + options.grace_ns +
			       3 * MAX_LOOK_MS * RK_NS_PER_MS; /* each span may end just after a look */
	world_after(world, 0, DRAIN, 0, 0);
}

/* As server/cmd_serve.c does: the queue is closed, the workers end what they have, and then the daemon stops. */
static void stop(struct world *world, bool is_at_work)
{
	world->is_draining = false;
	if (rk_drain_has_given_up(&world->drain))
		CHECK(world, is_at_work);
	else
		CHECK(world, !is_at_work && world->n_suspended == 0 && work_is_idle(world));
	rk_backlog_close(&world->backlog);
	world->is_stopped = true;
}

static void drain(struct world *world)
{
	struct rk_drain_view view = {.n_connections = world->n_connections,
				     .is_at_work = world->n_suspended > 0 || world->is_loading};
	enum rk_phase phase = rk_drain_step(&world->drain, world->now_ns, &view);
	CHECK(world, phase >= world->phase && world->now_ns <= world->drained_by_ns);
	world->phase = phase;
	if (phase >= RK_PHASE_CLOSING)
		world->is_accepting = false;
	if (phase == RK_PHASE_GONE) {
		world->phase = RK_PHASE_REFUSING;
		stop(world, view.is_at_work);
		return;
	}
	world_after(world, draw_between(world, 1, MAX_LOOK_MS) * RK_NS_PER_MS, DRAIN, 0, 0);
}

/* ---- the run ---- */

static void reap(struct world *world)
{
	io_reap(world);
	world_after(world, draw_between(world, 5, 50) * RK_NS_PER_MS, REAP, 0, 0);
}

static void stall(struct world *world)
{
	world->io_free_ns = world->now_ns + draw_between(world, 1, 30) * RK_NS_PER_MS;
	world_after(world, draw_between(world, 1, 100) * RK_NS_PER_MS, STALL, 0, 0);
}

static void other_event(struct world *world, const struct event *event)
{
	static void (*const handlers[])(struct world * world) = {
		[READY] = work_start, [RELOAD] = work_reload, [LOADED] = work_loaded, [REAP] = reap,
		[STALL] = stall,      [TERM] = begin_drain,   [DRAIN] = drain,
	};
	if (event->kind == WAKE || event->kind == STEP)
		work_event(world, event);
	else
		handlers[event->kind](world);
}

static void one_event(struct world *world)
{
	struct event event = pop(world);
	world->now_ns = event.at_ns;
	if (io_is_mine(event.kind) && event.at_ns < world->io_free_ns) {
		event.at_ns = world->io_free_ns;
		push(world, event);
		return;
	}
	if (world->is_traced)
		(void)printf("%12.6f %-7s %u\n", (double)event.at_ns / (double)RK_NS_PER_MS, kind_names[event.kind],
			     event.who);
	if (io_is_mine(event.kind))
		io_event(world, &event);
	else
		other_event(world, &event);
	uint32_t n_waiting = 0;
	for (uint32_t i = 0; i < world->n_clients; i++)
		n_waiting += world->clients[i].is_open && world->clients[i].fate == WAITING;
	CHECK(world, n_waiting == world->n_suspended);
}

static void close_world(struct world *world)
{
	io_end(world);
	uint64_t n_ended = 0;
	for (int fate = RANKED; fate <= GONE; fate++)
		n_ended += world->fates[fate];
	CHECK(world, n_ended == world->n_begun);
	CHECK(world, rk_slot_pool_used(&world->pool) == 0);
	rk_backlog_destroy(&world->backlog); /* asserts that it is empty */
	rk_registry_close(world->registry);  /* asserts that nothing is pinned */
	rk_slot_pool_close(&world->pool);
	for (uint32_t i = 0; i < world->n_clients; i++)
		(void)pthread_mutex_destroy(&world->clients[i].connection.lock);
}

void world_run(struct world *world, uint64_t seed, const char *models, bool is_traced)
{
	memset(world, 0, sizeof(*world));
	world->seed = world->random = seed;
	world->is_traced = is_traced;
	world->now_ns = RK_NS_PER_S;
	draw_world(world);
	open_world(world, models);
	/* a while longer than the stop, so that what was under way at it comes to its end */
	while (!world->is_stopped || !work_is_idle(world))
		one_event(world);
	uint64_t end_ns = world->now_ns + draw_between(world, 0, 5 * RK_NS_PER_MS);
	while (world->n_events > 0 && world->events[0].at_ns <= end_ns)
		one_event(world);
	close_world(world);
}
