/*
 * The thread of signals. While it drains it still waits in sigtimedwait, so that a second signal is seen at once.
 * A process that cannot be taken down in order when its time is up (a load or a ranking is still under way) ends
 * without it: the kernel takes back everything, and nobody waits any longer than was promised.
 */
#include "server/lifecycle.h"

#include "model/base/check.h"
#include "server/clock.h"
#include "server/drain.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/server.h"

#include <errno.h>
#include <unistd.h>

enum { LOOK_MS = 5, GRACE_MS = 500 };

void rk_life_advance(struct rk_life *life, enum rk_phase phase)
{
	unsigned now = atomic_load_explicit(&life->phase, memory_order_acquire);
	while (now < (unsigned)phase &&
	       !atomic_compare_exchange_weak_explicit(&life->phase, &now, (unsigned)phase, memory_order_acq_rel,
						      memory_order_acquire))
		;
}

void rk_life_set_ready(struct rk_life *life)
{
	atomic_store_explicit(&life->was_ready, true, memory_order_release);
	rk_life_advance(life, RK_PHASE_READY);
}

void rk_life_block_signals(struct rk_life *life)
{
	RK_ASSERT(sigemptyset(&life->signals) == 0);
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		RK_ASSERT(sigaddset(&life->signals, numbers[i]) == 0);
	RK_ASSERT(pthread_sigmask(SIG_BLOCK, &life->signals, NULL) == 0);
	RK_ASSERT(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

/* The kernel closes everything; only the files of Unix sockets would stay. */
static _Noreturn void end_at_once(const struct rk_server *server, int exit_code)
{
	rk_listen_unlink(&server->listen_data);
	rk_listen_unlink(&server->listen_admin);
	_exit(exit_code);
}

/* Ends the process when the second signal comes; SIGHUP means nothing any more. */
static void look_for_second_signal(const struct rk_server *server, unsigned for_ms)
{
	struct timespec span = {.tv_nsec = (long)(for_ms * RK_NS_PER_MS)};
	int number = sigtimedwait(&server->life.signals, NULL, &span);
	if (number != SIGTERM && number != SIGINT)
		return;
	rk_log(RK_LOG_WARN, "ended", "a second signal ended the process at once");
	end_at_once(server, 1);
}

static bool is_at_work(const struct rk_server *server)
{
	return rk_http_suspended(server->data) > 0 || (server->admin != NULL && rk_http_suspended(server->admin) > 0) ||
	       rk_reloader_is_loading(&server->reloader);
}

static uint64_t ns_of(double seconds)
{
	return (uint64_t)(seconds * (double)RK_NS_PER_S);
}

/* Steps through the drain until its end. */
static void step_to_end(struct rk_server *server, struct rk_drain *drain)
{
	bool is_closed = false;
	for (;;) {
		struct rk_drain_view view = {.n_connections = rk_http_connections(server->data),
					     .n_lingering = rk_linger_count(&server->linger),
					     .is_at_work = is_at_work(server)};
		enum rk_phase phase = rk_drain_step(drain, rk_clock_ns(), &view);
		if (phase == RK_PHASE_GONE)
			return;
		rk_life_advance(&server->life, phase);
		if (phase == RK_PHASE_CLOSING && !is_closed)
			rk_acceptor_stop(&server->accept_data);
		is_closed = phase >= RK_PHASE_CLOSING;
		look_for_second_signal(server, LOOK_MS);
	}
}

static void drain(struct rk_server *server, int number)
{
	struct rk_life *life = &server->life;
	bool was_ready = rk_life_was_ready(life);
	rk_life_advance(life, RK_PHASE_LEAVING);
	(void)rk_notify_send("STOPPING=1");
	rk_log_with(RK_LOG_INFO, "draining", "not ready any more",
		    rk_log_text("signal", number == SIGINT ? "INT" : "TERM"),
		    rk_log_real("delay_s", server->settings.drain_delay),
		    rk_log_real("timeout_s", server->settings.drain_timeout));
	if (!was_ready) {
		rk_log(RK_LOG_INFO, "ended", "the signal came before the first model was ready");
		end_at_once(server, 0);
	}
	rk_reloader_stop_watching(&server->reloader);
	struct rk_drain_options options = {.delay_ns = ns_of(server->settings.drain_delay),
					   .timeout_ns = ns_of(server->settings.drain_timeout),
					   .grace_ns = GRACE_MS * RK_NS_PER_MS};
	struct rk_drain steps;
	rk_drain_begin(&steps, &options, rk_clock_ns());
	step_to_end(server, &steps);
	rk_life_advance(life, RK_PHASE_REFUSING);
	bool is_complete = !rk_drain_has_given_up(&steps);
	rk_log_with(RK_LOG_INFO, "drained", is_complete ? NULL : "the time is up",
		    rk_log_unsigned("connections", rk_http_connections(server->data)),
		    rk_log_unsigned("requests", rk_http_suspended(server->data)));
	if (!is_complete)
		end_at_once(server, 0);
	rk_life_advance(life, RK_PHASE_GONE);
}

static void *run(void *context)
{
	struct rk_server *server = context;
	(void)pthread_setname_np(pthread_self(), "rk-signals");
	for (;;) {
		int number = sigwaitinfo(&server->life.signals, NULL);
		if (number == SIGTERM || number == SIGINT) {
			drain(server, number);
			return NULL;
		}
		if (number == SIGHUP && rk_life_was_ready(&server->life))
			rk_reloader_scan(&server->reloader);
		if (number == SIGUSR2)
			rk_recorder_dump(&server->recorder, rk_clock_ns());
	}
}

enum rk_status rk_life_watch(struct rk_server *server, struct rk_error *reterr)
{
	int error = pthread_create(&server->life.thread, NULL, run, server);
	if (error != 0)
		return rk_error_set(reterr, RK_IO, "cannot start the signal thread: %s", strerror(error));
	server->life.has_thread = true;
	return RK_OK;
}

void rk_life_join(struct rk_server *server)
{
	if (server->life.has_thread)
		RK_ASSERT(pthread_join(server->life.thread, NULL) == 0);
	server->life.has_thread = false;
}
