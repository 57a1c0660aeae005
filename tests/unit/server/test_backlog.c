/* tests/sim drives the backlog through whole lives; here is what a reader wants to see on its own. */
#include "server/backlog.h"
#include "server/clock.h"

#include <criterion/criterion.h>
#include <math.h>

enum { N_SLOTS = 6, N_WORKERS = 2 };

static struct rk_slot_pool pool;
static struct rk_backlog backlog;
static const uint64_t start_ns = 1000 * RK_NS_PER_S;

static void accept_slot(struct rk_slot *slot)
{
	(void)slot;
}

/* Every request takes 1 ms of the processor's time. */
static void set_up(void)
{
	struct rk_error error;
	struct rk_backlog_options options = {
		.capacity = N_SLOTS, .n_workers = N_WORKERS, .n_predictors = 2, .limit_us = 4000};
	cr_assert_eq(rk_slot_pool_open(&pool, N_SLOTS, 1000, 5000, &error), RK_OK);
	cr_assert_eq(rk_backlog_open(&backlog, &options, &error), RK_OK);
	for (int i = 0; i < 200; i++)
		rk_predictor_learn(&backlog.predictors[0], 100, 1000);
}

TestSuite(backlog, .init = set_up);

static enum rk_verdict offer(double budget_ms, struct rk_slot **ret_slot)
{
	struct rk_slot *slot = *ret_slot = rk_slot_acquire(&pool);
	static const char body[100];
	cr_assert(rk_slot_append(slot, body, sizeof(body)));
	slot->job.received_ns = start_ns;
	slot->job.budget_ms = budget_ms;
	return rk_backlog_offer(&backlog, slot, start_ns, accept_slot);
}

static struct rk_slot *take(uint32_t worker, uint64_t after_ns, enum rk_verdict *ret_verdict)
{
	rk_backlog_come(&backlog);
	return rk_backlog_take(&backlog, worker, start_ns + after_ns, ret_verdict);
}

Test(backlog, its_age_is_that_of_the_oldest_that_waits)
{
	struct rk_slot *slots[2];
	enum rk_verdict verdict;
	cr_assert_eq(rk_backlog_age_ns(&backlog, start_ns), 0);
	cr_assert_eq(offer(50, &slots[0]), RK_VERDICT_ADMIT);
	cr_assert_eq(offer(50, &slots[1]), RK_VERDICT_ADMIT);
	slots[1]->queued_ns = start_ns + 300;
	cr_assert_eq(rk_backlog_age_ns(&backlog, start_ns + 1000), 1000);
	cr_assert_eq(take(0, 1000, &verdict), slots[0]);
	cr_assert_eq(rk_backlog_age_ns(&backlog, start_ns + 1000), 700);
	cr_assert_eq(take(1, 1000, &verdict), slots[1]);
	cr_assert_eq(rk_backlog_age_ns(&backlog, start_ns + 1000), 0);
}

Test(backlog, what_runs_counts_towards_the_wait)
{
	struct rk_slot *slots[3];
	enum rk_verdict verdict;
	for (uint32_t i = 0; i < N_WORKERS; i++) {
		cr_assert_eq(offer(50, &slots[i]), RK_VERDICT_ADMIT);
		cr_assert_eq(take(i, 0, &verdict), slots[i]);
	}
	/* both workers have just begun: 1 ms of wait and 1 ms of work */
	cr_assert_eq(offer(1.9, &slots[2]), RK_VERDICT_TOO_LATE);
	rk_slot_release(slots[2]);
	cr_assert_eq(offer(2.1, &slots[2]), RK_VERDICT_ADMIT);
}

Test(backlog, requests_whose_budget_has_passed_are_taken_first)
{
	struct rk_slot *slots[4];
	enum rk_verdict verdict;
	const double budgets[] = {50, 5, 40, 5};
	for (int i = 0; i < 4; i++)
		cr_assert_eq(offer(budgets[i], &slots[i]), RK_VERDICT_ADMIT);
	cr_assert_eq(take(0, 5 * RK_NS_PER_MS, &verdict), slots[1]);
	cr_assert_eq(verdict, RK_VERDICT_EXPIRED);
	rk_backlog_done(&backlog, 0, NULL);
	cr_assert_eq(take(0, 5 * RK_NS_PER_MS, &verdict), slots[3]);
	cr_assert_eq(verdict, RK_VERDICT_EXPIRED);
	rk_backlog_done(&backlog, 0, NULL);
	cr_assert_eq(take(0, 5 * RK_NS_PER_MS, &verdict), slots[0]);
	cr_assert_eq(verdict, RK_VERDICT_ADMIT);
	cr_assert_eq(take(1, 5 * RK_NS_PER_MS, &verdict), slots[2]);
	cr_assert_eq(verdict, RK_VERDICT_ADMIT);
}

Test(backlog, a_slow_machine_stretches_every_prediction)
{
	struct rk_slot *slot;
	enum rk_verdict verdict;
	for (int i = 0; i < 200; i++) {
		cr_assert_eq(offer(50, &slot), RK_VERDICT_ADMIT);
		cr_assert_eq(take(0, 0, &verdict), slot);
		rk_backlog_done(&backlog, 0, &(struct rk_cost){.cpu_us = 1000, .wall_us = 3000});
		rk_slot_move(slot, RK_SLOT_RUNNING, RK_SLOT_DONE);
		rk_slot_release(slot);
	}
	cr_assert_eq(offer(50, &slot), RK_VERDICT_ADMIT);
	cr_assert_float_eq(slot->predicted_us, 3000, 1);
}

Test(backlog, models_are_learnt_apart)
{
	struct rk_slot *slot;
	for (int i = 0; i < 200; i++)
		rk_predictor_learn(&backlog.predictors[1], 100, 9000);
	cr_assert_eq(offer(50, &slot), RK_VERDICT_ADMIT);
	cr_assert_float_eq(slot->predicted_us, 1000, 1);
	slot = rk_slot_acquire(&pool);
	static const char body[100];
	cr_assert(rk_slot_append(slot, body, sizeof(body)));
	slot->predictor = 1;
	slot->job = (struct rk_job){.received_ns = start_ns, .budget_ms = 50};
	cr_assert_eq(rk_backlog_offer(&backlog, slot, start_ns, accept_slot), RK_VERDICT_ADMIT);
	cr_assert_float_eq(slot->predicted_us, 9000, 1);
}

Test(backlog, a_budget_without_end_is_no_deadline)
{
	struct rk_slot *slot;
	enum rk_verdict verdict;
	cr_assert_eq(offer((double)INFINITY, &slot), RK_VERDICT_ADMIT);
	cr_assert_eq(take(0, RK_NS_PER_S * 1000000, &verdict), slot);
	cr_assert_eq(verdict, RK_VERDICT_ADMIT);
}
