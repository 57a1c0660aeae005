/* Workers, the way of server/worker.c and job.c, and the loader, the way of loader/registry_load.c. */
#include "tests/sim/world.h"

#include "model/base/check.h"
#include "server/clock.h"

#include <stdio.h>
#include <string.h>

static const uint64_t shed_ns = 20 * RK_NS_PER_US;

static const char *const names[N_MODELS] = {"a", "b"};

/* ---- versions ---- */

static struct rk_version *make_version(struct world *world, const char *name)
{
	struct rk_pages own;
	RK_ASSERT(rk_pages_open(&own, sizeof(struct rk_version), NULL) == RK_OK);
	struct rk_version *version = own.base;
	(void)snprintf(version->name, sizeof(version->name), "%s", name);
	version->number = ++world->next_version;
	version->own_memory = own; /* closing it unmaps the struct: who uses it then falls */
	return version;
}

/* Versions of the model in memory, whether one of them is `wanted`. */
static uint32_t count_versions(const struct world *world, const char *name, const struct rk_version *wanted,
			       bool *ret_found)
{
	const struct rk_registry *registry = world->registry;
	const struct rk_registry_entry *entry = rk_registry_find(registry, rk_bytes_of(name));
	uint32_t n = entry->current != NULL;
	*ret_found = entry->current == wanted;
	for (size_t i = 0; i < registry->n_retired; i++) {
		n += strcmp(registry->retired[i]->name, name) == 0;
		*ret_found = *ret_found || registry->retired[i] == wanted;
	}
	return n;
}

static void publish(struct world *world, const char *name)
{
	struct rk_registry_entry *entry = &world->registry->entries[strcmp(name, names[1]) == 0];
	CHECK(world, strcmp(entry->name, name) == 0);
	CHECK(world, rk_registry_reserve(world->registry, NULL) == RK_OK);
	rk_registry_swap(world->registry, entry, make_version(world, name));
	rk_registry_sweep(world->registry);
	bool found;
	CHECK(world, count_versions(world, name, entry->current, &found) <= 2 && found);
}

void work_start(struct world *world)
{
	for (uint32_t i = 0; i < N_MODELS; i++)
		publish(world, names[i]);
	for (uint32_t i = 0; i < world->n_workers; i++)
		rk_backlog_come(&world->backlog);
	world->was_ready = true;
	if (world->phase == RK_PHASE_STARTING)
		world->phase = RK_PHASE_READY;
}

void work_reload(struct world *world)
{
	if (world->phase == RK_PHASE_READY && !world->is_loading) {
		world->is_loading = true;
		world_after(world, draw_between(world, 0, 30 * RK_NS_PER_MS), LOADED, 0, 0);
	}
	world_after(world, draw_between(world, 1, 60) * RK_NS_PER_MS, RELOAD, 0, 0);
}

void work_loaded(struct world *world)
{
	const char *name = names[draw_between(world, 0, N_MODELS - 1)];
	world->is_loading = false;
	rk_registry_sweep(world->registry);
	if (!rk_registry_is_settled(world->registry, name)) {
		world->n_busy++;
		return;
	}
	world->n_reloads++;
	publish(world, name);
}

/* ---- workers ---- */

static void wake(struct world *world, uint32_t index)
{
	world->workers[index].is_awake = true;
	uint64_t delay_ns = world->is_exact ? 0 : draw_between(world, 0, 50 * RK_NS_PER_US);
	world_after(world, delay_ns, WAKE, index, 0);
}

void work_wake_one(struct world *world)
{
	for (uint32_t i = 0; i < world->n_workers; i++) {
		if (world->workers[i].client != NULL || world->workers[i].is_awake)
			continue;
		wake(world, i);
		return;
	}
}

bool work_is_idle(const struct world *world)
{
	for (uint32_t i = 0; i < world->n_workers; i++)
		if (world->workers[i].client != NULL)
			return false;
	return world->n_queue == 0;
}

double work_cost_us(const struct world *world, const struct client *client)
{
	return world->base_us + world->per_byte_us * (double)client->n_body;
}

double work_wait_us(const struct world *world)
{
	double work_us = 0;
	for (uint32_t i = 0; i < world->n_queue; i++)
		work_us += work_cost_us(world, world->queue[i]);
	for (uint32_t i = 0; i < world->n_workers; i++) {
		const struct worker *worker = &world->workers[i];
		if (worker->client != NULL && worker->since_ns + worker->service_ns > world->now_ns)
			work_us +=
				(double)(worker->since_ns + worker->service_ns - world->now_ns) / (double)RK_NS_PER_US;
	}
	return work_us / world->n_workers;
}

/* Takes the client out of the world's own list, and judges the backlog's choice by it. */
static void check_choice(struct world *world, const struct client *client, enum rk_verdict verdict)
{
	uint32_t at = 0, first_expired = MAX_SLOTS;
	while (at < world->n_queue && world->queue[at] != client)
		at++;
	CHECK(world, at < world->n_queue);
	for (uint32_t i = world->n_queue; i-- > 0;)
		if (world->queue[i]->deadline_ns <= world->now_ns)
			first_expired = i;
	if (first_expired < MAX_SLOTS) {
		CHECK(world, verdict == RK_VERDICT_EXPIRED && at == first_expired);
	} else {
		CHECK(world, verdict != RK_VERDICT_EXPIRED && at == 0); /* first in, first out */
	}
	CHECK(world, verdict != RK_VERDICT_TOO_LATE || world->n_queue > 1);
	if (world->is_exact && verdict != RK_VERDICT_ADMIT)
		world_fail(world, "admitted, though it was known that it could not be ranked in time");
	world->n_queue--;
	memmove(&world->queue[at], &world->queue[at + 1], (world->n_queue - at) * sizeof(world->queue[0]));
}

static void draw_costs(struct world *world, struct worker *worker)
{
	double cost_us = work_cost_us(world, worker->client);
	worker->cpu_ns = (uint64_t)(cost_us * (double)RK_NS_PER_US);
	worker->service_ns = worker->cpu_ns;
	if (world->is_exact)
		return;
	worker->cpu_ns = worker->cpu_ns * draw_between(world, 80, 130) / 100;
	worker->service_ns = worker->cpu_ns * draw_between(world, 100, 140) / 100;
	if (draw_one_in(world, 30)) /* put aside for a while */
		worker->service_ns += draw_between(world, 1, 40) * RK_NS_PER_MS;
}

/* Decoding: the request names its model, whose current version is pinned from here to the answer. */
static void begin_ranking(struct world *world, struct worker *worker)
{
	bool is_known;
	worker->version = rk_registry_acquire(world->registry, rk_bytes_of(names[worker->client->model]), &is_known);
	CHECK(world, worker->version != NULL && is_known);
	worker->number = worker->version->number;
	draw_costs(world, worker);
	worker->steps_left = N_STEPS;
}

static void take(struct world *world, uint32_t index)
{
	struct worker *worker = &world->workers[index];
	enum rk_verdict verdict = RK_VERDICT_CLOSED;
	struct rk_slot *slot = rk_backlog_take(&world->backlog, index, world->now_ns, &verdict);
	CHECK(world, (slot == NULL) == (world->n_queue == 0));
	if (slot == NULL)
		return;
	struct client *client = slot->connection;
	check_choice(world, client, verdict);
	*worker = (struct worker){.client = client,
				  .slot = slot,
				  .verdict = verdict,
				  .since_ns = world->now_ns,
				  .is_awake = worker->is_awake};
	if (verdict == RK_VERDICT_ADMIT)
		begin_ranking(world, worker);
	else
		worker->service_ns = shed_ns;
	uint32_t steps = verdict == RK_VERDICT_ADMIT ? N_STEPS : 1;
	world_after(world, worker->service_ns / steps, STEP, index, 0);
}

/* An admitted request is answered by its deadline and one time of service, or told that it is too late as soon as a
 * worker comes by after its deadline. */
static void check_budget(const struct world *world, const struct worker *worker)
{
	const struct client *client = worker->client;
	if (worker->verdict == RK_VERDICT_ADMIT)
		CHECK(world, world->now_ns <= client->deadline_ns + worker->service_ns);
	else
		CHECK(world,
		      world->now_ns <= client->deadline_ns + world->longest_ns + MAX_SLOTS * shed_ns + RK_NS_PER_MS);
	if (world->is_exact && !client->found_idle)
		CHECK(world, world->now_ns <= client->deadline_ns + RK_NS_PER_US);
}

static void finish(struct world *world, uint32_t index)
{
	struct worker *worker = &world->workers[index];
	struct client *client = worker->client;
	bool is_ranked = worker->verdict == RK_VERDICT_ADMIT;
	check_budget(world, worker);
	if (worker->version != NULL)
		rk_registry_release(world->registry, worker->version);
	struct rk_cost cost = {.cpu_us = (double)worker->cpu_ns / (double)RK_NS_PER_US,
			       .wall_us = (double)worker->service_ns / (double)RK_NS_PER_US};
	rk_backlog_done(&world->backlog, index, is_ranked ? &cost : NULL);
	rk_slot_move(worker->slot, RK_SLOT_RUNNING, RK_SLOT_DONE);
	CHECK(world, client->fate == WAITING);
	client->fate = is_ranked ? RANKED : SHED;
	world->fates[client->fate]++;
	world->n_suspended--;
	world_after(world, draw_between(world, 0, 100 * RK_NS_PER_US), ANSWER, (uint32_t)(client - world->clients),
		    client->generation);
	worker->client = NULL;
	worker->version = NULL;
	rk_backlog_come(&world->backlog);
	take(world, index);
}

static void step(struct world *world, uint32_t index)
{
	struct worker *worker = &world->workers[index];
	if (worker->verdict != RK_VERDICT_ADMIT) {
		finish(world, index);
		return;
	}
	bool is_there;
	(void)count_versions(world, names[worker->client->model], worker->version, &is_there);
	CHECK(world, is_there);
	CHECK(world, worker->version->number == worker->number); /* no answer mixes two versions */
	uint64_t done_ns = worker->service_ns / N_STEPS * (N_STEPS - --worker->steps_left);
	if (worker->steps_left > 1)
		world_after(world, worker->service_ns / N_STEPS, STEP, index, 0);
	else if (worker->steps_left == 1)
		world_after(world, worker->service_ns - done_ns, STEP, index, 0);
	else
		finish(world, index);
}

void work_event(struct world *world, const struct event *event)
{
	if (event->kind == STEP) {
		step(world, event->who);
		return;
	}
	world->workers[event->who].is_awake = false;
	if (world->workers[event->who].client == NULL)
		take(world, event->who);
}
