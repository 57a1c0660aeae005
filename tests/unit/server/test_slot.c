#include "server/slot.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/mman.h>

static struct rk_slot_pool pool;

static void open_pool(uint32_t n, size_t body, size_t reply)
{
	struct rk_error error;
	cr_assert_eq(rk_slot_pool_open(&pool, n, body, reply, &error), RK_OK);
}

static void run_through(struct rk_slot *slot)
{
	rk_slot_move(slot, RK_SLOT_RECEIVING, RK_SLOT_QUEUED);
	rk_slot_move(slot, RK_SLOT_QUEUED, RK_SLOT_RUNNING);
}

Test(slot, count_follows_workers_and_connections)
{
	cr_assert_eq(rk_slot_count(1, 1024), 128);
	cr_assert_eq(rk_slot_count(4, 1024), 512);
	cr_assert_eq(rk_slot_count(16, 1024), 1024);
	cr_assert_eq(rk_slot_count(2, 3), 3);
}

Test(slot, every_slot_is_given_out_once)
{
	struct rk_slot *slots[3];
	open_pool(3, 100, 100);
	for (int i = 0; i < 3; i++) {
		slots[i] = rk_slot_acquire(&pool);
		cr_assert_not_null(slots[i]);
		for (int k = 0; k < i; k++)
			cr_assert_neq(slots[i], slots[k]);
	}
	cr_assert_null(rk_slot_acquire(&pool));
	cr_assert_eq(rk_slot_pool_used(&pool), 3);
	rk_slot_release(slots[1]);
	cr_assert_eq(rk_slot_acquire(&pool), slots[1]);
	for (int i = 0; i < 3; i++)
		rk_slot_release(slots[i]);
	cr_assert_eq(rk_slot_pool_used(&pool), 0);
	rk_slot_pool_close(&pool);
}

Test(slot, body_takes_exactly_its_limit)
{
	open_pool(2, 1000, 100);
	struct rk_slot *slot = rk_slot_acquire(&pool), *other = rk_slot_acquire(&pool);
	char text[1000];
	memset(text, 'x', sizeof(text));
	memset(other->body, 'o', 1000);
	cr_assert(rk_slot_append(slot, text, 999));
	cr_assert_not(rk_slot_append(slot, text, 2));
	cr_assert_eq(slot->n_body, 999, "nothing of what does not fit is taken");
	cr_assert(rk_slot_append(slot, text, 1));
	cr_assert_not(rk_slot_append(slot, text, 1));
	cr_assert(rk_slot_append(slot, text, 0));
	cr_assert_eq(other->body[0], 'o');
	cr_assert_eq(slot->body[999], 'x');
	rk_slot_release(slot);
	rk_slot_release(other);
	rk_slot_pool_close(&pool);
}

Test(slot, an_acquired_slot_remembers_nothing)
{
	open_pool(1, 100, 5000);
	struct rk_slot *slot = rk_slot_acquire(&pool);
	cr_assert(rk_slot_append(slot, "abc", 3));
	slot->job.status = 500;
	slot->job.reply_bytes = 17;
	slot->path_model[0] = 'm';
	slot->connection = &pool;
	rk_slot_release(slot);
	slot = rk_slot_acquire(&pool);
	cr_assert_eq(slot->n_body, 0);
	cr_assert_eq(slot->job.status, 0);
	cr_assert_eq(slot->job.reply_bytes, 0);
	cr_assert_geq(slot->job.reply_size, 5000);
	cr_assert_eq(slot->job.reply, slot->reply.base);
	cr_assert_str_empty(slot->path_model);
	cr_assert_null(slot->connection);
	rk_slot_release(slot);
	rk_slot_pool_close(&pool);
}

Test(slot, reply_grows_while_a_worker_has_it)
{
	struct rk_error error;
	open_pool(1, 100, 4096);
	struct rk_slot *slot = rk_slot_acquire(&pool);
	run_through(slot);
	const char *before = slot->job.reply;
	cr_assert_eq(rk_slot_reserve_reply(slot, 4096, &error), RK_OK);
	cr_assert_eq(slot->job.reply, before, "large enough already");
	cr_assert_eq(rk_slot_reserve_reply(slot, 1 << 20, &error), RK_OK);
	cr_assert_geq(slot->job.reply_size, 1 << 20);
	memset(slot->job.reply, 'r', slot->job.reply_size);
	rk_slot_move(slot, RK_SLOT_RUNNING, RK_SLOT_DONE);
	rk_slot_release(slot);
	slot = rk_slot_acquire(&pool);
	cr_assert_geq(slot->job.reply_size, 1 << 20, "it stays large");
	rk_slot_release(slot);
	rk_slot_pool_close(&pool);
}

static size_t resident_pages(const char *memory, size_t size)
{
	unsigned char pages[2048];
	size_t n = 0;
	cr_assert_leq(size, sizeof(pages) * 4096);
	cr_assert_eq(mincore((void *)(uintptr_t)memory, size, pages), 0);
	for (size_t i = 0; i < size / 4096; i++)
		n += pages[i] & 1;
	return n;
}

Test(slot, memory_of_a_big_body_goes_back)
{
	enum { SIZE = 4 * 1024 * 1024 };
	static char text[SIZE];
	open_pool(1, SIZE, 4096);
	struct rk_slot *slot = rk_slot_acquire(&pool);
	cr_assert_eq(resident_pages(slot->body, SIZE), 0, "nothing is touched ahead");
	cr_assert(rk_slot_append(slot, "x", 1));
	cr_assert_eq(resident_pages(slot->body, SIZE), 1, "no huge page");
	cr_assert(rk_slot_append(slot, text, SIZE - 1));
	cr_assert_eq(resident_pages(slot->body, SIZE), SIZE / 4096);
	rk_slot_release(slot);
	cr_assert_leq(resident_pages(slot->body, SIZE), 64);
	rk_slot_pool_close(&pool);
}

Test(slot, a_pool_with_a_used_slot_cannot_close, .signal = SIGABRT)
{
	open_pool(2, 100, 100);
	(void)rk_slot_acquire(&pool);
	rk_slot_pool_close(&pool);
}

Test(slot, releasing_twice_is_a_bug, .signal = SIGABRT)
{
	open_pool(2, 100, 100);
	struct rk_slot *slot = rk_slot_acquire(&pool);
	rk_slot_release(slot);
	rk_slot_release(slot);
}

Test(slot, releasing_a_queued_one_is_a_bug, .signal = SIGABRT)
{
	open_pool(2, 100, 100);
	struct rk_slot *slot = rk_slot_acquire(&pool);
	rk_slot_move(slot, RK_SLOT_RECEIVING, RK_SLOT_QUEUED);
	rk_slot_release(slot);
}

Test(slot, skipping_a_state_is_a_bug, .signal = SIGABRT)
{
	open_pool(2, 100, 100);
	rk_slot_move(rk_slot_acquire(&pool), RK_SLOT_QUEUED, RK_SLOT_RUNNING);
}

Test(slot, a_stray_pointer_is_a_bug, .signal = SIGABRT)
{
	static struct rk_slot stray;
	(void)rk_slot_of(&stray);
}
