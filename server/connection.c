#include "server/connection.h"

#include "model/base/check.h"

static uint64_t clock_word(enum rk_connection_phase phase, uint64_t now_ns)
{
	return now_ns << RK_CONNECTION_PHASE_BITS | (uint64_t)phase;
}

enum rk_connection_phase rk_connection_phase(const struct rk_connection *connection)
{
	return (enum rk_connection_phase)(atomic_load_explicit(&connection->clock, memory_order_acquire) &
					  RK_CONNECTION_PHASE_MASK);
}

bool rk_connection_move(struct rk_connection *connection, enum rk_connection_phase from, enum rk_connection_phase to,
			uint64_t now_ns)
{
	uint64_t word = atomic_load_explicit(&connection->clock, memory_order_acquire);
	enum rk_connection_phase phase = (enum rk_connection_phase)(word & RK_CONNECTION_PHASE_MASK);
	if (phase == RK_CONNECTION_REAPED)
		return false;
	RK_ASSERT(phase == from);
	return atomic_compare_exchange_strong_explicit(&connection->clock, &word, clock_word(to, now_ns),
						       memory_order_acq_rel, memory_order_acquire);
}

bool rk_connection_is_late(uint64_t clock, uint64_t timeout_ns, uint64_t now_ns)
{
	enum rk_connection_phase phase = (enum rk_connection_phase)(clock & RK_CONNECTION_PHASE_MASK);
	if (phase != RK_CONNECTION_ARRIVING && phase != RK_CONNECTION_SENDING)
		return false;
	uint64_t since_ns = clock >> RK_CONNECTION_PHASE_BITS;
	return now_ns > since_ns && now_ns - since_ns > timeout_ns;
}

bool rk_connection_reap(struct rk_connection *connection, uint64_t clock, uint64_t now_ns)
{
	return atomic_compare_exchange_strong_explicit(&connection->clock, &clock,
						       clock_word(RK_CONNECTION_REAPED, now_ns), memory_order_acq_rel,
						       memory_order_acquire);
}

void rk_connection_open(struct rk_connection *connection, int socket, uint64_t now_ns)
{
	connection->exchange = (struct rk_exchange){0};
	RK_ASSERT(pthread_mutex_lock(&connection->lock) == 0);
	connection->socket = socket;
	connection->opened_clock = clock_word(RK_CONNECTION_IDLE, now_ns);
	atomic_store_explicit(&connection->timed_out, false, memory_order_relaxed);
	connection->seen_clock = connection->seen_bytes = connection->grown_ns = connection->gone_clock = 0;
	atomic_store_explicit(&connection->clock, connection->opened_clock, memory_order_release);
	RK_ASSERT(pthread_mutex_unlock(&connection->lock) == 0);
}

void rk_connection_close(struct rk_connection *connection)
{
	RK_ASSERT(pthread_mutex_lock(&connection->lock) == 0);
	connection->socket = -1;
	RK_ASSERT(pthread_mutex_unlock(&connection->lock) == 0);
}
