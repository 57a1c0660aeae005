/*
 * Slots, queue and workers' loop under threads, as the server uses them: one producer (the I/O thread), several takers.
 * Every slot that is admitted is taken once, its memory is seen whole by its worker and its answer by the producer, and
 * all slots come back.
 */
#include "model/base/check.h"
#include "server/clock.h"
#include "server/queue.h"
#include "tests/stress/tap.h"

#include <pthread.h>
#include <string.h>

enum { N_SLOTS = 32, N_WORKERS = 4, N_REQUESTS = 40000, BODY_BYTES = 256 };

static struct rk_slot_pool pool;
static struct rk_queue queue;
static atomic_uint n_run, n_expired, n_torn;

/* Slots on their way back, as the library's resume hands them over. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t not_empty;
	struct rk_slot *slots[N_SLOTS];
	uint32_t n;
} done = {.lock = PTHREAD_MUTEX_INITIALIZER, .not_empty = PTHREAD_COND_INITIALIZER};

static void hand_back(struct rk_slot *slot)
{
	RK_ASSERT(pthread_mutex_lock(&done.lock) == 0);
	RK_ASSERT(done.n < N_SLOTS);
	done.slots[done.n++] = slot;
	RK_ASSERT(pthread_cond_signal(&done.not_empty) == 0);
	RK_ASSERT(pthread_mutex_unlock(&done.lock) == 0);
}

static void *work(void *context)
{
	uint32_t worker = (uint32_t)(uintptr_t)context;
	enum rk_verdict verdict;
	struct rk_slot *slot;
	while ((slot = rk_queue_take(&queue, worker, &verdict)) != NULL) {
		unsigned char first = (unsigned char)slot->body[0];
		for (size_t i = 1; i < slot->n_body; i++)
			if ((unsigned char)slot->body[i] != first)
				atomic_fetch_add(&n_torn, 1);
		atomic_fetch_add(verdict == RK_VERDICT_ADMIT ? &n_run : &n_expired, 1);
		memset(slot->job.reply, first, BODY_BYTES);
		slot->job.reply_bytes = BODY_BYTES;
		struct rk_cost cost = {.cpu_us = 5.0 + first % 7, .wall_us = 6.0 + first % 7};
		rk_queue_done(&queue, worker, verdict == RK_VERDICT_ADMIT ? &cost : NULL);
		rk_slot_move(slot, RK_SLOT_RUNNING, RK_SLOT_DONE);
		hand_back(slot);
	}
	return NULL;
}

static unsigned n_accepted, n_refused, n_answered, n_wrong;

static void accept_slot(struct rk_slot *slot)
{
	slot->connection = slot; /* what the I/O thread notes down before a worker may see it */
	n_accepted++;
}

/* Takes back what is done; waits for one if it must. */
static void collect(bool must_wait)
{
	RK_ASSERT(pthread_mutex_lock(&done.lock) == 0);
	while (must_wait && done.n == 0)
		RK_ASSERT(pthread_cond_wait(&done.not_empty, &done.lock) == 0);
	uint32_t n = done.n;
	struct rk_slot *slots[N_SLOTS];
	memcpy(slots, done.slots, n * sizeof(slots[0]));
	done.n = 0;
	RK_ASSERT(pthread_mutex_unlock(&done.lock) == 0);
	for (uint32_t i = 0; i < n; i++) {
		n_wrong += slots[i]->job.reply[0] != slots[i]->body[0] || slots[i]->connection != slots[i];
		rk_slot_move(slots[i], RK_SLOT_DONE, RK_SLOT_SENDING);
		rk_slot_release(slots[i]);
		n_answered++;
	}
}

static void offer_one(unsigned number)
{
	struct rk_slot *slot;
	while ((slot = rk_slot_acquire(&pool)) == NULL)
		collect(true);
	char body[BODY_BYTES];
	memset(body, (int)(number % 251), sizeof(body));
	RK_ASSERT(rk_slot_append(slot, body, 1 + number % BODY_BYTES));
	slot->predictor = number % 3;
	slot->job.received_ns = rk_clock_ns();
	slot->job.budget_ms = number % 97 == 0 ? 0.001 : 10000;
	if (rk_queue_offer(&queue, slot, slot->job.received_ns, accept_slot) == RK_VERDICT_ADMIT)
		return;
	n_refused++;
	rk_slot_release(slot);
	if (n_refused % 16 == 0 && n_answered < n_accepted)
		collect(true); /* or the offers are over before a busy machine runs a worker */
}

int main(void)
{
	struct rk_error error;
	pthread_t workers[N_WORKERS];
	struct rk_backlog_options options = {
		.capacity = N_SLOTS, .n_workers = N_WORKERS, .n_predictors = 3, .limit_us = 25};
	tap_check(rk_slot_pool_open(&pool, N_SLOTS, BODY_BYTES, BODY_BYTES, &error) == RK_OK, "slots");
	tap_check(rk_queue_open(&queue, &options, &error) == RK_OK, "queue");
	for (uintptr_t i = 0; i < N_WORKERS; i++)
		RK_ASSERT(pthread_create(&workers[i], NULL, work, (void *)i) == 0);
	for (unsigned i = 0; i < N_REQUESTS; i++) {
		offer_one(i);
		if (i % 3 == 0)
			collect(false);
	}
	rk_queue_close(&queue);
	while (n_answered < n_accepted)
		collect(true);
	for (int i = 0; i < N_WORKERS; i++)
		RK_ASSERT(pthread_join(workers[i], NULL) == 0);
	tap_check(n_accepted + n_refused == N_REQUESTS, "every request was admitted or refused");
	tap_check(atomic_load(&n_run) + atomic_load(&n_expired) == n_accepted, "every admitted one was taken once");
	tap_check(atomic_load(&n_run) > N_WORKERS, "work was done");
	tap_check(atomic_load(&n_torn) == 0, "bodies reached the workers whole");
	tap_check(n_wrong == 0, "answers came back whole");
	tap_check(rk_slot_pool_used(&pool) == 0, "every slot came back");
	rk_queue_destroy(&queue);
	rk_slot_pool_close(&pool);
	return tap_end();
}
