/*
 * Bodies lie in one mapping, replies in one each (so that one can grow). Huge pages are refused for them: the first
 * byte of a 4 MiB buffer would otherwise take 2 MiB of memory.
 */
#include "server/slot.h"

#include "model/base/check.h"

#include <string.h>
#include <sys/mman.h>

enum {
	SLOT_MAGIC = 0x510707,
	SLOTS_PER_WORKER = 128,
	MIN_SLOTS = 64,
	KEEP_BYTES = 256 * 1024, /* a used buffer up to this size keeps its memory for the next request */
};

uint32_t rk_slot_count(uint32_t n_workers, uint32_t max_connections)
{
	uint32_t n = n_workers * SLOTS_PER_WORKER;
	if (n < MIN_SLOTS)
		n = MIN_SLOTS;
	return n < max_connections ? n : max_connections;
}

static size_t round_to_page(size_t size)
{
	enum { PAGE = 4096 };
	return (size + PAGE - 1) & ~((size_t)PAGE - 1);
}

static enum rk_status open_replies(struct rk_slot_pool *pool, struct rk_error *reterr)
{
	for (uint32_t i = 0; i < pool->n_slots; i++) {
		struct rk_slot *slot = &pool->slots[i];
		slot->magic = SLOT_MAGIC;
		slot->index = i;
		slot->pool = pool;
		slot->body = (char *)pool->bodies.base + (size_t)i * round_to_page(pool->body_size);
		enum rk_status status = rk_pages_open(&slot->reply, pool->reply_size, reterr);
		if (status != RK_OK)
			return status;
		rk_pages_refuse_huge(&slot->reply);
		pool->free[pool->n_free++] = i;
	}
	return RK_OK;
}

static void close_memory(struct rk_slot_pool *pool)
{
	for (uint32_t i = 0; pool->slots != NULL && i < pool->n_slots; i++)
		rk_pages_close(&pool->slots[i].reply);
	rk_pages_close(&pool->bodies);
	rk_pages_close(&pool->memory);
	(void)pthread_mutex_destroy(&pool->lock);
	pool->slots = NULL;
}

enum rk_status rk_slot_pool_open(struct rk_slot_pool *ret_pool, uint32_t n_slots, size_t body_size, size_t reply_size,
				 struct rk_error *reterr)
{
	RK_ASSERT(n_slots > 0 && body_size > 0 && reply_size > 0);
	*ret_pool = (struct rk_slot_pool){.n_slots = n_slots, .body_size = body_size, .reply_size = reply_size};
	RK_ASSERT(pthread_mutex_init(&ret_pool->lock, NULL) == 0);
	size_t slots_bytes = (size_t)n_slots * sizeof(struct rk_slot);
	enum rk_status status =
		rk_pages_open(&ret_pool->memory, slots_bytes + (size_t)n_slots * sizeof(uint32_t), reterr);
	if (status == RK_OK)
		status = rk_pages_open(&ret_pool->bodies, (size_t)n_slots * round_to_page(body_size), reterr);
	if (status == RK_OK) {
		rk_pages_refuse_huge(&ret_pool->bodies);
		ret_pool->slots = ret_pool->memory.base;
		ret_pool->free = (uint32_t *)(void *)((char *)ret_pool->memory.base + slots_bytes);
		status = open_replies(ret_pool, reterr);
	}
	if (status != RK_OK)
		close_memory(ret_pool);
	return status;
}

void rk_slot_pool_close(struct rk_slot_pool *pool)
{
	if (pool->slots == NULL)
		return;
	RK_ASSERT(pool->n_free == pool->n_slots);
	close_memory(pool);
}

struct rk_slot *rk_slot_acquire(struct rk_slot_pool *pool)
{
	RK_ASSERT(pthread_mutex_lock(&pool->lock) == 0);
	struct rk_slot *slot = pool->n_free > 0 ? &pool->slots[pool->free[--pool->n_free]] : NULL;
	RK_ASSERT(pthread_mutex_unlock(&pool->lock) == 0);
	if (slot == NULL)
		return NULL;
	rk_slot_move(slot, RK_SLOT_FREE, RK_SLOT_RECEIVING);
	slot->n_body = 0;
	slot->connection = slot->mhd = NULL;
	slot->predicted_us = 0;
	slot->predictor = 0;
	slot->path_model[0] = slot->request_id[0] = '\0';
	slot->job = (struct rk_job){.reply = slot->reply.base, .reply_size = slot->reply.size};
	return slot;
}

static void give_back(char *memory, size_t used)
{
	if (used > KEEP_BYTES)
		(void)madvise(memory + KEEP_BYTES, round_to_page(used - KEEP_BYTES), MADV_DONTNEED);
}

void rk_slot_release(struct rk_slot *slot)
{
	struct rk_slot_pool *pool = slot->pool;
	unsigned state = atomic_load_explicit(&slot->state, memory_order_acquire);
	RK_ASSERT(state == RK_SLOT_RECEIVING || state == RK_SLOT_DONE || state == RK_SLOT_SENDING);
	give_back(slot->body, slot->n_body);
	give_back(slot->reply.base, slot->job.reply_bytes);
	rk_slot_move(slot, (enum rk_slot_state)state, RK_SLOT_FREE);
	RK_ASSERT(pthread_mutex_lock(&pool->lock) == 0);
	RK_ASSERT(pool->n_free < pool->n_slots);
	pool->free[pool->n_free++] = slot->index;
	RK_ASSERT(pthread_mutex_unlock(&pool->lock) == 0);
}

void rk_slot_move(struct rk_slot *slot, enum rk_slot_state from, enum rk_slot_state to)
{
	unsigned expected = from;
	RK_ASSERT(atomic_compare_exchange_strong_explicit(&slot->state, &expected, (unsigned)to, memory_order_acq_rel,
							  memory_order_acquire));
}

bool rk_slot_append(struct rk_slot *slot, const char *data, size_t size)
{
	RK_ASSERT(atomic_load_explicit(&slot->state, memory_order_relaxed) == RK_SLOT_RECEIVING);
	if (size > slot->pool->body_size - slot->n_body)
		return false;
	memcpy(slot->body + slot->n_body, data, size);
	slot->n_body += size;
	return true;
}

enum rk_status rk_slot_reserve_reply(struct rk_slot *slot, size_t size, struct rk_error *reterr)
{
	RK_ASSERT(atomic_load_explicit(&slot->state, memory_order_relaxed) == RK_SLOT_RUNNING);
	if (size > slot->reply.size) {
		struct rk_pages larger;
		enum rk_status status = rk_pages_open(&larger, size, reterr);
		if (status != RK_OK)
			return status;
		rk_pages_refuse_huge(&larger);
		rk_pages_close(&slot->reply);
		slot->reply = larger;
	}
	slot->job.reply = slot->reply.base;
	slot->job.reply_size = slot->reply.size;
	return RK_OK;
}

struct rk_slot *rk_slot_of(void *pointer)
{
	struct rk_slot *slot = pointer;
	RK_ASSERT(slot != NULL && slot->magic == SLOT_MAGIC);
	return slot;
}

uint32_t rk_slot_pool_used(struct rk_slot_pool *pool)
{
	RK_ASSERT(pthread_mutex_lock(&pool->lock) == 0);
	uint32_t used = pool->n_slots - pool->n_free;
	RK_ASSERT(pthread_mutex_unlock(&pool->lock) == 0);
	return used;
}

size_t rk_slot_pool_bytes(const struct rk_slot_pool *pool)
{
	return pool->memory.size + pool->bodies.size + (size_t)pool->n_slots * round_to_page(pool->reply_size);
}
