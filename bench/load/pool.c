/* The text's mapping has the greatest size from the start: pages that no request reaches are never touched. */
#include "bench/load/pool.h"

#include "model/base/check.h"

#include <stdio.h>
#include <string.h>

enum rk_status rk_load_pool_open(struct rk_load_pool *ret_pool, size_t capacity, const struct rk_load_target *target,
				 double budget_ms, struct rk_error *reterr)
{
	RK_ASSERT(capacity > 0 && capacity <= RK_LOAD_MAX_POOL);
	struct rk_load_pool pool = {.capacity = capacity};
	char budget[64] = "";
	if (budget_ms > 0)
		(void)snprintf(budget, sizeof(budget), "X-Rank-Budget-Ms: %.9g\r\n", budget_ms);
	const int size = snprintf(
		pool.head, sizeof(pool.head),
		"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%sContent-Length: ", target->path,
		target->host, budget);
	RK_ASSERT(size > 0 && (size_t)size < sizeof(pool.head));

	enum rk_status status = rk_pages_open(&pool.table, capacity * sizeof(pool.requests[0]), reterr);
	if (status == RK_OK)
		status = rk_pages_open(&pool.text, RK_LOAD_MAX_POOL_BYTES, reterr);
	if (status != RK_OK) {
		rk_load_pool_close(&pool);
		return status;
	}
	pool.requests = pool.table.base;
	*ret_pool = pool;
	return RK_OK;
}

void rk_load_pool_close(struct rk_load_pool *pool)
{
	rk_pages_close(&pool->table);
	rk_pages_close(&pool->text);
	*pool = (struct rk_load_pool){0};
}

static void widen(struct rk_load_spread *spread, uint64_t value, bool is_first)
{
	spread->sum += (double)value;
	spread->min = is_first || value < spread->min ? value : spread->min;
	spread->max = is_first || value > spread->max ? value : spread->max;
}

enum rk_status rk_load_pool_add(struct rk_load_pool *pool, struct rk_bytes body, uint64_t n_candidates,
				struct rk_error *reterr)
{
	RK_ASSERT(pool->n < pool->capacity);
	char length[32];
	const int length_bytes = snprintf(length, sizeof(length), "%zu\r\n\r\n", body.size);
	const size_t head_bytes = strlen(pool->head);
	const size_t size = head_bytes + (size_t)length_bytes + body.size;
	if (size > RK_LOAD_MAX_POOL_BYTES - pool->used_bytes)
		return rk_error_set(
			reterr, RK_LIMIT,
			"the requests of a run: expected at most %d bytes, found more after %zu of %zu (--pool)",
			RK_LOAD_MAX_POOL_BYTES, pool->n, pool->capacity);

	char *data = (char *)pool->text.base + pool->used_bytes;
	memcpy(data, pool->head, head_bytes);
	memcpy(data + head_bytes, length, (size_t)length_bytes);
	memcpy(data + head_bytes + (size_t)length_bytes, body.data, body.size);
	widen(&pool->body_bytes, body.size, pool->n == 0);
	widen(&pool->n_candidates, n_candidates, pool->n == 0);
	pool->requests[pool->n++] = (struct rk_load_request){.data = data, .size = size};
	pool->used_bytes += size;
	return RK_OK;
}
