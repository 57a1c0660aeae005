#include "server/clock.h"
#include "server/queue.h"

#include <criterion/criterion.h>

enum { N_SLOTS = 8 };

static struct rk_slot_pool pool;
static struct rk_queue queue;
static unsigned n_accepted;

static void accept_slot(struct rk_slot *slot)
{
	cr_assert_eq(slot->state, (unsigned)RK_SLOT_QUEUED, "accepted before anybody can take it");
	n_accepted++;
}

static void set_up(void)
{
	struct rk_error error;
	struct rk_backlog_options options = {
		.capacity = N_SLOTS, .n_workers = 1, .n_predictors = 1, .limit_us = 500000};
	n_accepted = 0;
	cr_assert_eq(rk_slot_pool_open(&pool, N_SLOTS, 1000, 5000, &error), RK_OK);
	cr_assert_eq(rk_queue_open(&queue, &options, &error), RK_OK);
}

static void tear_down(void)
{
	rk_queue_destroy(&queue);
	rk_slot_pool_close(&pool);
}

TestSuite(queue, .init = set_up, .fini = tear_down);

static struct rk_slot *slot_with_budget(double budget_ms)
{
	struct rk_slot *slot = rk_slot_acquire(&pool);
	cr_assert_not_null(slot);
	slot->job.budget_ms = budget_ms;
	slot->job.received_ns = rk_clock_ns();
	return slot;
}

static enum rk_verdict offer(struct rk_slot *slot)
{
	return rk_queue_offer(&queue, slot, rk_clock_ns(), accept_slot);
}

static struct rk_slot *take(enum rk_verdict *ret_verdict)
{
	return rk_queue_take(&queue, 0, ret_verdict);
}

/* The one worker is done with it; a cost below 0 teaches nothing. */
static void finish_after(struct rk_slot *slot, double cost_us)
{
	struct rk_cost cost = {.cpu_us = cost_us, .wall_us = cost_us};
	rk_queue_done(&queue, 0, cost_us < 0 ? NULL : &cost);
	rk_slot_move(slot, RK_SLOT_RUNNING, RK_SLOT_DONE);
	rk_slot_release(slot);
}

static void finish(struct rk_slot *slot)
{
	finish_after(slot, -1);
}

Test(queue, first_in_first_out_around_the_ring)
{
	for (int round = 0; round < 5; round++) {
		struct rk_slot *slots[N_SLOTS];
		for (int i = 0; i < N_SLOTS; i++) {
			slots[i] = slot_with_budget(60000);
			cr_assert_eq(offer(slots[i]), RK_VERDICT_ADMIT);
		}
		for (int i = 0; i < N_SLOTS - round; i++) {
			enum rk_verdict verdict;
			cr_assert_eq(take(&verdict), slots[i]);
			cr_assert_eq(verdict, RK_VERDICT_ADMIT);
			finish(slots[i]);
		}
		for (int i = N_SLOTS - round; i < N_SLOTS; i++) {
			enum rk_verdict verdict;
			cr_assert_eq(take(&verdict), slots[i]);
			finish(slots[i]);
		}
	}
	cr_assert_eq(n_accepted, 5 * N_SLOTS);
}

Test(queue, a_refused_slot_stays_the_callers)
{
	struct rk_slot *slot = slot_with_budget(-1);
	cr_assert_eq(offer(slot), RK_VERDICT_EXPIRED);
	cr_assert_eq(n_accepted, 0);
	cr_assert_eq(slot->state, (unsigned)RK_SLOT_RECEIVING);
	rk_slot_release(slot);
}

Test(queue, is_full_in_work_not_in_requests)
{
	struct rk_slot *slots[3];
	enum rk_verdict verdict;
	for (int i = 0; i < 100; i++) { /* each takes 0.4 s; the longest wait is 0.5 s */
		cr_assert_eq(offer(slot_with_budget(60000)), RK_VERDICT_ADMIT);
		finish_after(take(&verdict), 400000);
	}
	for (int i = 0; i < 2; i++) {
		cr_assert(!rk_queue_is_full(&queue, 60e6, rk_clock_ns()));
		slots[i] = slot_with_budget(60000);
		cr_assert_eq(offer(slots[i]), RK_VERDICT_ADMIT);
	}
	cr_assert(rk_queue_is_full(&queue, 60e6, rk_clock_ns()));
	slots[2] = slot_with_budget(60000);
	cr_assert_eq(offer(slots[2]), RK_VERDICT_QUEUE_FULL);
	finish(take(&verdict));
	cr_assert_eq(offer(slots[2]), RK_VERDICT_ADMIT, "taking one makes room");
	finish(take(&verdict));
	finish(take(&verdict));
}

Test(queue, judges_again_when_a_worker_takes_it)
{
	struct rk_slot *late = slot_with_budget(1), *next = slot_with_budget(60000);
	cr_assert_eq(offer(late), RK_VERDICT_ADMIT);
	cr_assert_eq(offer(next), RK_VERDICT_ADMIT);
	rk_clock_sleep_ns(2 * RK_NS_PER_MS);
	enum rk_verdict verdict;
	cr_assert_eq(take(&verdict), late);
	cr_assert_eq(verdict, RK_VERDICT_EXPIRED);
	finish(late);
	finish(take(&verdict));
	cr_assert_eq(verdict, RK_VERDICT_ADMIT);
}

Test(queue, learns_only_from_what_ran)
{
	enum rk_verdict verdict;
	struct rk_slot *slot = slot_with_budget(60000);
	cr_assert_eq(offer(slot), RK_VERDICT_ADMIT);
	double before = slot->predicted_us;
	finish_after(take(&verdict), -1);
	slot = slot_with_budget(60000);
	cr_assert_eq(offer(slot), RK_VERDICT_ADMIT);
	cr_assert_float_eq(slot->predicted_us, before, 1e-6);
	finish_after(take(&verdict), 777);
	slot = slot_with_budget(60000);
	cr_assert_eq(offer(slot), RK_VERDICT_ADMIT);
	cr_assert_float_eq(slot->predicted_us, 777, 1e-6);
	finish(take(&verdict));
}

Test(queue, closed_it_gives_what_is_left_then_nothing)
{
	struct rk_slot *slot = slot_with_budget(60000);
	cr_assert_eq(offer(slot), RK_VERDICT_ADMIT);
	rk_queue_close(&queue);
	enum rk_verdict verdict;
	cr_assert_eq(take(&verdict), slot);
	finish(slot);
}

Test(queue, closed_it_takes_nothing_in)
{
	struct rk_slot *slot = slot_with_budget(60000);
	rk_queue_close(&queue);
	cr_assert_eq(offer(slot), RK_VERDICT_CLOSED);
	cr_assert_eq(n_accepted, 0);
	cr_assert_eq(slot->state, (unsigned)RK_SLOT_RECEIVING);
	rk_slot_release(slot);
	enum rk_verdict verdict;
	cr_assert_null(take(&verdict));
}

Test(queue, tells_how_long_a_run_goes_on)
{
	enum rk_verdict verdict;
	cr_assert_eq(rk_queue_longest_run_ns(&queue, rk_clock_ns()), 0);
	cr_assert_eq(offer(slot_with_budget(60000)), RK_VERDICT_ADMIT);
	struct rk_slot *slot = take(&verdict);
	uint64_t later_ns = rk_clock_ns() + 5 * RK_NS_PER_S;
	cr_assert_geq(rk_queue_longest_run_ns(&queue, later_ns), 5 * RK_NS_PER_S);
	finish(slot);
	cr_assert_eq(rk_queue_longest_run_ns(&queue, later_ns), 0);
}
