#include "server/queue.h"

#include "model/base/check.h"
#include "server/clock.h"

static void lock(struct rk_queue *queue)
{
	RK_ASSERT(pthread_mutex_lock(&queue->lock) == 0);
}

static void unlock(struct rk_queue *queue)
{
	RK_ASSERT(pthread_mutex_unlock(&queue->lock) == 0);
}

enum rk_status rk_queue_open(struct rk_queue *ret_queue, const struct rk_backlog_options *options,
			     struct rk_error *reterr)
{
	*ret_queue = (struct rk_queue){0};
	enum rk_status status = rk_backlog_open(&ret_queue->backlog, options, reterr);
	if (status != RK_OK)
		return status;
	RK_ASSERT(pthread_mutex_init(&ret_queue->lock, NULL) == 0);
	RK_ASSERT(pthread_cond_init(&ret_queue->not_empty, NULL) == 0);
	ret_queue->is_open = true;
	return RK_OK;
}

void rk_queue_destroy(struct rk_queue *queue)
{
	if (!queue->is_open)
		return;
	rk_backlog_destroy(&queue->backlog);
	(void)pthread_cond_destroy(&queue->not_empty);
	(void)pthread_mutex_destroy(&queue->lock);
	queue->is_open = false;
}

bool rk_queue_is_full(struct rk_queue *queue, double left_us, uint64_t now_ns)
{
	lock(queue);
	bool is_full = rk_backlog_is_full(&queue->backlog, left_us, now_ns);
	unlock(queue);
	return is_full;
}

enum rk_verdict rk_queue_offer(struct rk_queue *queue, struct rk_slot *slot, uint64_t now_ns,
			       void (*accept)(struct rk_slot *slot))
{
	lock(queue);
	enum rk_verdict verdict = rk_backlog_offer(&queue->backlog, slot, now_ns, accept);
	unlock(queue);
	/* not before: who wakes while the lock is held sleeps again at once, on the lock */
	if (verdict == RK_VERDICT_ADMIT)
		RK_ASSERT(pthread_cond_signal(&queue->not_empty) == 0);
	return verdict;
}

struct rk_slot *rk_queue_take(struct rk_queue *queue, uint32_t worker, enum rk_verdict *ret_verdict)
{
	lock(queue);
	struct rk_backlog *backlog = &queue->backlog;
	rk_backlog_come(backlog);
	struct rk_slot *slot;
	while ((slot = rk_backlog_take(backlog, worker, rk_clock_ns(), ret_verdict)) == NULL && !backlog->is_closed)
		RK_ASSERT(pthread_cond_wait(&queue->not_empty, &queue->lock) == 0);
	if (slot == NULL)
		rk_backlog_leave(backlog);
	unlock(queue);
	return slot;
}

void rk_queue_done(struct rk_queue *queue, uint32_t worker, const struct rk_cost *cost)
{
	lock(queue);
	rk_backlog_done(&queue->backlog, worker, cost);
	unlock(queue);
}

void rk_queue_close(struct rk_queue *queue)
{
	lock(queue);
	rk_backlog_close(&queue->backlog);
	RK_ASSERT(pthread_cond_broadcast(&queue->not_empty) == 0);
	unlock(queue);
}

uint64_t rk_queue_longest_run_ns(struct rk_queue *queue, uint64_t now_ns)
{
	lock(queue);
	uint64_t longest_ns = rk_backlog_longest_run_ns(&queue->backlog, now_ns);
	unlock(queue);
	return longest_ns;
}

uint64_t rk_queue_age_ns(struct rk_queue *queue, uint64_t now_ns)
{
	lock(queue);
	uint64_t age_ns = rk_backlog_age_ns(&queue->backlog, now_ns);
	unlock(queue);
	return age_ns;
}
