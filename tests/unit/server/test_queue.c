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
	n_accepted = 0;
	cr_assert_eq(rk_slot_pool_open(&pool, N_SLOTS, 1000, 5000, &error), RK_OK);
	cr_assert_eq(rk_queue_open(&queue, N_SLOTS, 1, 1e6, &error), RK_OK);
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

static void finish(struct rk_slot *slot)
{
	rk_slot_move(slot, RK_SLOT_RUNNING, RK_SLOT_DONE);
	rk_slot_release(slot);
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
			cr_assert_eq(rk_queue_take(&queue, &verdict), slots[i]);
			cr_assert_eq(verdict, RK_VERDICT_ADMIT);
			finish(slots[i]);
		}
		for (int i = N_SLOTS - round; i < N_SLOTS; i++) {
			enum rk_verdict verdict;
			cr_assert_eq(rk_queue_take(&queue, &verdict), slots[i]);
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
	for (int i = 0; i < 100; i++)
		rk_queue_done(&queue, 0, 400000); /* each is predicted to take 0.4 s; the bound is 1 s */
	struct rk_slot *slots[3];
	enum rk_verdict verdict;
	for (int i = 0; i < 2; i++) {
		slots[i] = slot_with_budget(60000);
		cr_assert_eq(offer(slots[i]), RK_VERDICT_ADMIT);
	}
	slots[2] = slot_with_budget(60000);
	cr_assert_eq(offer(slots[2]), RK_VERDICT_QUEUE_FULL);
	finish(rk_queue_take(&queue, &verdict));
	cr_assert_eq(offer(slots[2]), RK_VERDICT_ADMIT, "taking one makes room");
	finish(rk_queue_take(&queue, &verdict));
	finish(rk_queue_take(&queue, &verdict));
}

Test(queue, judges_again_when_a_worker_takes_it)
{
	struct rk_slot *late = slot_with_budget(1), *next = slot_with_budget(60000);
	cr_assert_eq(offer(late), RK_VERDICT_ADMIT);
	cr_assert_eq(offer(next), RK_VERDICT_ADMIT);
	rk_clock_sleep_ns(2 * RK_NS_PER_MS);
	enum rk_verdict verdict;
	cr_assert_eq(rk_queue_take(&queue, &verdict), late);
	cr_assert_eq(verdict, RK_VERDICT_EXPIRED);
	finish(late);
	finish(rk_queue_take(&queue, &verdict));
	cr_assert_eq(verdict, RK_VERDICT_ADMIT);
}

Test(queue, learns_only_from_what_ran)
{
	struct rk_slot *slot = slot_with_budget(60000);
	rk_queue_done(&queue, 100, -1);
	cr_assert_eq(offer(slot), RK_VERDICT_ADMIT);
	double before = slot->predicted_us;
	enum rk_verdict verdict;
	finish(rk_queue_take(&queue, &verdict));
	rk_queue_done(&queue, 0, 777);
	slot = slot_with_budget(60000);
	cr_assert_eq(offer(slot), RK_VERDICT_ADMIT);
	cr_assert_float_neq(before, 777, 1e-6);
	cr_assert_float_eq(slot->predicted_us, 777, 1e-6);
	finish(rk_queue_take(&queue, &verdict));
}

Test(queue, closed_it_gives_what_is_left_then_nothing)
{
	struct rk_slot *slot = slot_with_budget(60000);
	cr_assert_eq(offer(slot), RK_VERDICT_ADMIT);
	rk_queue_close(&queue);
	enum rk_verdict verdict;
	cr_assert_eq(rk_queue_take(&queue, &verdict), slot);
	finish(slot);
}

Test(queue, a_closed_one_takes_nothing_in)
{
	rk_queue_close(&queue);
	struct rk_slot *slot = slot_with_budget(60000);
	cr_assert_eq(offer(slot), RK_VERDICT_CLOSED);
	cr_assert_eq(n_accepted, 0);
	rk_slot_release(slot);
	enum rk_verdict verdict;
	cr_assert_null(rk_queue_take(&queue, &verdict));
}
