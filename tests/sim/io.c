/* Clients, and what the I/O thread does with them: the way of server/http_rank.c and server/http.c. */
#include "tests/sim/world.h"

#include "server/clock.h"

#include <math.h>

static const char body[MAX_BODY];

static uint32_t index_of(const struct world *world, const struct client *client)
{
	return (uint32_t)(client - world->clients);
}

static void after(struct world *world, const struct client *client, uint64_t delay_ns, enum kind kind)
{
	world_after(world, delay_ns, kind, index_of(world, client), client->generation);
}

/* ---- connections ---- */

static void close_connection(struct world *world, struct client *client)
{
	rk_connection_close(&client->connection);
	client->is_open = false;
	client->generation++;
	world->n_connections--;
	if (client->n_left > 0 && world->is_accepting)
		after(world, client, draw_between(world, 0, 20 * RK_NS_PER_MS), CONNECT);
}

static void open_connection(struct world *world, struct client *client)
{
	if (!world->is_accepting || client->is_open)
		return;
	if (world->n_connections >= world->max_connections) { /* a canned 503 */
		if (client->n_left-- > 1)
			after(world, client, draw_between(world, 1, 50) * RK_NS_PER_MS, CONNECT);
		return;
	}
	world->n_connections++;
	client->is_open = true;
	client->is_gone = false;
	client->fate = NONE;
	rk_connection_open(&client->connection, 1, world->now_ns);
	after(world, client, draw_between(world, 0, 5 * RK_NS_PER_MS), BEGIN);
}

/* ---- the end of a request ---- */

static void settle(struct world *world, struct client *client, enum fate fate)
{
	CHECK(world, client->fate == OPEN || client->fate == WAITING);
	client->fate = fate;
	world->fates[fate]++;
}

static void release(struct client *client)
{
	rk_slot_release(client->slot);
	client->slot = NULL;
}

/* The answer is out, or the client has gone. */
static void complete(struct world *world, struct client *client)
{
	if (client->slot != NULL)
		release(client);
	enum rk_connection_phase phase = rk_connection_phase(&client->connection);
	bool is_over = client->is_gone || phase == RK_CONNECTION_REAPED || world->phase >= RK_PHASE_CLOSING;
	if (phase != RK_CONNECTION_REAPED)
		(void)rk_connection_move(&client->connection, phase, RK_CONNECTION_IDLE, world->now_ns);
	if (is_over || client->n_left == 0 || draw_one_in(world, 8))
		close_connection(world, client);
	else
		after(world, client, draw_between(world, 0, 10 * RK_NS_PER_MS), BEGIN);
}

static void send_answer(struct world *world, struct client *client)
{
	if (!rk_connection_move(&client->connection, rk_connection_phase(&client->connection), RK_CONNECTION_SENDING,
				world->now_ns)) {
		complete(world, client);
		return;
	}
	bool is_slow = !world->is_exact && draw_one_in(world, 40);
	after(world, client, is_slow ? 3 * world->timeout_ns : draw_between(world, 0, 200 * RK_NS_PER_US), SENT);
}

static void refuse(struct world *world, struct client *client, enum fate fate)
{
	settle(world, client, fate);
	if (client->slot != NULL)
		release(client);
	send_answer(world, client);
}

/* ---- the way of a request ---- */

static uint64_t time_of_arrival(struct world *world, const struct client *client)
{
	if (client->will_drip)
		return 2 * world->timeout_ns;
	return draw_one_in(world, 4) ? draw_between(world, 0, 10 * RK_NS_PER_MS) : draw_between(world, 0, 50000);
}

static void begin(struct world *world, struct client *client)
{
	world->n_begun++;
	client->n_left--;
	client->fate = OPEN;
	client->will_abort = !world->is_exact && draw_one_in(world, 25);
	client->will_drip = !world->is_exact && draw_one_in(world, 40);
	client->n_body = (uint32_t)draw_between(world, 10, MAX_BODY);
	client->model = (uint32_t)draw_between(world, 0, N_MODELS - 1);
	(void)rk_connection_move(&client->connection, RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, world->now_ns);
	enum rk_service service = rk_phase_service(world->phase, world->was_ready);
	if (service != RK_SERVICE_OPEN) {
		refuse(world, client, REFUSED);
		return;
	}
	CHECK(world, world->was_ready && world->phase < RK_PHASE_REFUSING && !world->is_stopped);
	double budget_ms = world->budget_ms;
	if (draw_one_in(world, 3))
		budget_ms = fmin(budget_ms, (double)draw_between(world, 1, 2 * (uint64_t)world->budget_ms));
	if (rk_backlog_is_full(&world->backlog, 1000 * budget_ms, world->now_ns)) {
		CHECK(world, world->n_queue > 0);
		refuse(world, client, SHED);
		return;
	}
	client->slot = rk_slot_acquire(&world->pool);
	if (client->slot == NULL) {
		refuse(world, client, SHED);
		return;
	}
	client->slot->connection = client;
	client->slot->predictor = client->model;
	client->slot->job.received_ns = world->now_ns;
	client->slot->job.budget_ms = budget_ms;
	client->deadline_ns = world->now_ns + (uint64_t)(budget_ms * (double)RK_NS_PER_MS);
	uint64_t arrival_ns = time_of_arrival(world, client);
	after(world, client, arrival_ns, BODY);
	if (client->will_abort)
		after(world, client, draw_between(world, 0, 2 * arrival_ns + 20 * RK_NS_PER_MS), ABORT);
}

static struct world *accepting; /* the callback has no other way to it */

static void accept_slot(struct rk_slot *slot)
{
	struct client *client = slot->connection;
	CHECK(accepting, atomic_load(&slot->state) == RK_SLOT_QUEUED);
	client->fate = WAITING;
	client->admitted = accepting->n_admitted++;
	client->queued_ns = accepting->now_ns;
	accepting->n_suspended++;
	accepting->queue[accepting->n_queue++] = client;
}

static uint32_t count_idle(const struct world *world)
{
	uint32_t n_idle = 0;
	for (uint32_t i = 0; i < world->n_workers; i++)
		n_idle += world->workers[i].client == NULL;
	return n_idle;
}

/* Where the costs are known, so is the wait of one more, and whether it was rightly judged. */
static void check_verdict(const struct world *world, const struct client *client, double wait_us,
			  enum rk_verdict verdict)
{
	const double grain_us = 1;
	double left_us = ((double)client->deadline_ns - (double)world->now_ns) / (double)RK_NS_PER_US;
	double need_us = wait_us + work_cost_us(world, client);
	double longest_us = rk_admission_longest_wait_us(world->limit_us, left_us);
	if (verdict == RK_VERDICT_QUEUE_FULL)
		CHECK(world, wait_us > longest_us - grain_us);
	if (verdict == RK_VERDICT_TOO_LATE)
		CHECK(world, need_us > left_us - grain_us);
	if (verdict == RK_VERDICT_ADMIT && !client->found_idle)
		CHECK(world, need_us < left_us + grain_us);
	if (verdict == RK_VERDICT_ADMIT && !client->found_idle && world->n_queue > 1)
		CHECK(world, wait_us < longest_us + grain_us);
}

static bool begin_working(struct world *world, struct client *client)
{
	/* the reaper may come between the look and the move */
	if (rk_connection_phase(&client->connection) == RK_CONNECTION_REAPED && draw_one_in(world, 2))
		return false;
	CHECK(world, rk_slot_append(client->slot, body, client->n_body));
	return rk_connection_move(&client->connection, RK_CONNECTION_ARRIVING, RK_CONNECTION_WORKING, world->now_ns);
}

static void end_body(struct world *world, struct client *client)
{
	if (!begin_working(world, client)) {
		settle(world, client, GONE);
		complete(world, client);
		return;
	}
	double wait_us = work_wait_us(world);
	uint32_t n_queue = world->n_queue, n_idle = count_idle(world);
	client->found_idle = n_queue < n_idle;
	accepting = world;
	enum rk_verdict verdict = rk_backlog_offer(&world->backlog, client->slot, world->now_ns, accept_slot);
	bool is_late = world->now_ns >= client->deadline_ns;
	CHECK(world, world->is_stopped == (verdict == RK_VERDICT_CLOSED));
	CHECK(world, verdict == RK_VERDICT_CLOSED || is_late == (verdict == RK_VERDICT_EXPIRED));
	CHECK(world, verdict != RK_VERDICT_QUEUE_FULL || n_queue > 0);
	CHECK(world, n_queue >= n_idle || verdict == RK_VERDICT_ADMIT || is_late || world->is_stopped);
	CHECK(world, (verdict == RK_VERDICT_ADMIT) == (world->n_queue == n_queue + 1));
	if (world->is_exact)
		check_verdict(world, client, wait_us, verdict);
	if (verdict == RK_VERDICT_ADMIT)
		work_wake_one(world);
	else
		refuse(world, client, verdict == RK_VERDICT_CLOSED ? REFUSED : SHED);
}

static void answer(struct world *world, struct client *client)
{
	CHECK(world, atomic_load(&client->slot->state) == RK_SLOT_DONE);
	if (client->is_gone) { /* the library saw it before it asked for the answer */
		complete(world, client);
		return;
	}
	rk_slot_move(client->slot, RK_SLOT_DONE, RK_SLOT_SENDING);
	send_answer(world, client);
}

/* What is suspended sees no end of its client. */
static void abort_client(struct world *world, struct client *client)
{
	client->is_gone = true;
	if (client->fate == OPEN)
		settle(world, client, GONE);
	else if (rk_connection_phase(&client->connection) != RK_CONNECTION_REAPED)
		return;
	complete(world, client);
}

void io_reap(struct world *world)
{
	for (uint32_t i = 0; i < world->n_clients; i++) {
		struct client *client = &world->clients[i];
		uint64_t clock = atomic_load(&client->connection.clock);
		if (!client->is_open || !rk_connection_is_late(clock, world->timeout_ns, world->now_ns))
			continue;
		enum rk_connection_phase phase = rk_connection_phase(&client->connection);
		CHECK(world, phase == RK_CONNECTION_ARRIVING || phase == RK_CONNECTION_SENDING);
		CHECK(world, rk_connection_reap(&client->connection, clock, world->now_ns));
		after(world, client, draw_between(world, 0, RK_NS_PER_MS), ABORT); /* the I/O thread sees the end */
	}
}

/* The daemon stops: whatever is open ends. */
void io_end(struct world *world)
{
	CHECK(world, world->n_suspended == 0);
	world->is_accepting = false;
	for (uint32_t i = 0; i < world->n_clients; i++) {
		struct client *client = &world->clients[i];
		if (!client->is_open)
			continue;
		client->is_gone = true;
		if (client->fate == OPEN)
			settle(world, client, GONE);
		complete(world, client);
	}
	CHECK(world, world->n_connections == 0);
}

bool io_is_mine(enum kind kind)
{
	return kind <= SENT;
}

static void begin_or_end(struct world *world, struct client *client)
{
	if (client->is_gone)
		close_connection(world, client);
	else
		begin(world, client);
}

static void end_body_if_open(struct world *world, struct client *client)
{
	if (client->fate == OPEN)
		end_body(world, client);
}

void io_event(struct world *world, const struct event *event)
{
	static void (*const handlers[])(struct world * world, struct client * client) = {
		[CONNECT] = open_connection, [BEGIN] = begin_or_end, [BODY] = end_body_if_open,
		[ABORT] = abort_client,      [ANSWER] = answer,      [SENT] = complete,
	};
	struct client *client = &world->clients[event->who];
	if (event->generation == client->generation)
		handlers[event->kind](world, client);
}
