/*
 * The I/O thread goes through requests while the reaper looks with a bound so short that it often strikes: exactly one
 * of the two gets each request, and no socket is shut down after its connection was closed.
 */
#include "model/base/check.h"
#include "server/clock.h"
#include "server/reaper.h"
#include "tests/stress/tap.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { N_CONNECTIONS = 8, N_ROUNDS = 4000 };

static struct rk_reaper reaper;
static struct rk_connection connections[N_CONNECTIONS];
static atomic_bool stopping;
static atomic_uint n_reaped;

static void count(void *context)
{
	(void)context;
	atomic_fetch_add(&n_reaped, 1);
}

static void *look(void *context)
{
	(void)context;
	while (!atomic_load(&stopping))
		for (int i = 0; i < N_CONNECTIONS; i++)
			rk_reaper_look(&reaper, &connections[i], rk_clock_ns());
	return NULL;
}

static unsigned n_lost, n_finished;

/* One request; false when the reaper got it. */
static bool go_through(struct rk_connection *connection, unsigned number)
{
	static const enum rk_connection_phase way[] = {RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING,
						       RK_CONNECTION_WORKING, RK_CONNECTION_SENDING,
						       RK_CONNECTION_IDLE};
	for (size_t step = 0; step + 1 < sizeof(way) / sizeof(way[0]); step++) {
		if (!rk_connection_move(connection, way[step], way[step + 1], rk_clock_ns()))
			return false;
		if (number % 5 == 0)
			rk_clock_sleep_ns(50 * RK_NS_PER_US);
	}
	return true;
}

int main(void)
{
	struct rk_reaper_options options = {
		.request_timeout_ns = 60 * RK_NS_PER_US, .idle_timeout_ns = RK_NS_PER_S, .reaped = count};
	pthread_t thread;
	rk_reaper_init(&reaper, &options);
	for (int i = 0; i < N_CONNECTIONS; i++) {
		connections[i].socket = -1;
		RK_ASSERT(pthread_mutex_init(&connections[i].lock, NULL) == 0);
	}
	RK_ASSERT(pthread_create(&thread, NULL, look, NULL) == 0);
	for (unsigned i = 0; i < N_ROUNDS; i++) {
		struct rk_connection *connection = &connections[i % N_CONNECTIONS];
		int pair[2];
		RK_ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		rk_connection_open(connection, pair[0], rk_clock_ns());
		if (go_through(connection, i))
			n_finished++;
		else
			n_lost++;
		rk_connection_close(connection);
		(void)close(pair[0]);
		(void)close(pair[1]);
	}
	atomic_store(&stopping, true);
	RK_ASSERT(pthread_join(thread, NULL) == 0);
	tap_check(n_lost + n_finished == N_ROUNDS, "every request ended one way");
	tap_check(n_finished > 0, "some went through");
	tap_check(n_lost == atomic_load(&n_reaped), "whom the I/O thread lost, the reaper had");
	return tap_end();
}
