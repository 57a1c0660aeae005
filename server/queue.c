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

enum rk_status rk_queue_open(struct rk_queue *ret_queue, uint32_t capacity, uint32_t n_workers, double limit_us,
			     struct rk_error *reterr)
{
	RK_ASSERT(capacity > 0 && n_workers > 0);
	*ret_queue = (struct rk_queue){.capacity = capacity};
	enum rk_status status = rk_pages_open(&ret_queue->memory, capacity * sizeof(struct rk_slot *), reterr);
	if (status != RK_OK)
		return status;
	ret_queue->ring = ret_queue->memory.base;
	/* workers become idle as they come to take */
	ret_queue->load = (struct rk_load){.limit_us = limit_us, .n_workers = n_workers};
	rk_predictor_init(&ret_queue->predictor);
	RK_ASSERT(pthread_mutex_init(&ret_queue->lock, NULL) == 0);
	RK_ASSERT(pthread_cond_init(&ret_queue->not_empty, NULL) == 0);
	return RK_OK;
}

void rk_queue_destroy(struct rk_queue *queue)
{
	if (queue->ring == NULL)
		return;
	RK_ASSERT(queue->load.n_queued == 0);
	(void)pthread_cond_destroy(&queue->not_empty);
	(void)pthread_mutex_destroy(&queue->lock);
	rk_pages_close(&queue->memory);
	queue->ring = NULL;
}

double rk_queue_left_us(const struct rk_job *job, uint64_t now_ns)
{
	double passed_us = (double)(now_ns - job->received_ns) / (double)RK_NS_PER_US;
	return job->budget_ms * 1000 - passed_us;
}

enum rk_verdict rk_queue_offer(struct rk_queue *queue, struct rk_slot *slot, uint64_t now_ns,
			       void (*accept)(struct rk_slot *slot))
{
	double left_us = rk_queue_left_us(&slot->job, now_ns);
	lock(queue);
	if (queue->closed) {
		unlock(queue);
		return RK_VERDICT_CLOSED;
	}
	struct rk_load *load = &queue->load;
	slot->predicted_us = rk_predictor_cost_us(&queue->predictor, slot->n_body);
	enum rk_verdict verdict = rk_admission_enter(load, slot->predicted_us, left_us);
	if (verdict == RK_VERDICT_ADMIT) {
		RK_ASSERT(load->n_queued < queue->capacity);
		slot->queued_ns = now_ns;
		rk_slot_move(slot, RK_SLOT_RECEIVING, RK_SLOT_QUEUED);
		accept(slot);
		queue->ring[(queue->head + load->n_queued) % queue->capacity] = slot;
		load->n_queued++;
		load->queued_us += slot->predicted_us;
		RK_ASSERT(pthread_cond_signal(&queue->not_empty) == 0);
	}
	unlock(queue);
	return verdict;
}

struct rk_slot *rk_queue_take(struct rk_queue *queue, enum rk_verdict *ret_verdict)
{
	lock(queue);
	struct rk_load *load = &queue->load;
	load->n_idle++;
	RK_ASSERT(load->n_idle <= load->n_workers);
	while (load->n_queued == 0 && !queue->closed)
		RK_ASSERT(pthread_cond_wait(&queue->not_empty, &queue->lock) == 0);
	load->n_idle--;
	struct rk_slot *slot = NULL;
	if (load->n_queued > 0) {
		slot = queue->ring[queue->head];
		queue->head = (queue->head + 1) % queue->capacity;
		load->n_queued--;
		/* the sum of many additions and subtractions: without this it would drift away from 0 */
		load->queued_us = load->n_queued == 0 ? 0 : load->queued_us - slot->predicted_us;
	}
	uint32_t n_waiting = load->n_queued;
	unlock(queue);
	if (slot == NULL)
		return NULL;
	rk_slot_move(slot, RK_SLOT_QUEUED, RK_SLOT_RUNNING);
	*ret_verdict = rk_admission_take(n_waiting, slot->predicted_us, rk_queue_left_us(&slot->job, rk_clock_ns()));
	return slot;
}

void rk_queue_done(struct rk_queue *queue, size_t body_bytes, double cost_us)
{
	if (cost_us < 0)
		return;
	lock(queue);
	rk_predictor_learn(&queue->predictor, body_bytes, cost_us);
	unlock(queue);
}

void rk_queue_close(struct rk_queue *queue)
{
	lock(queue);
	queue->closed = true;
	RK_ASSERT(pthread_cond_broadcast(&queue->not_empty) == 0);
	unlock(queue);
}
