/*
 * The client against a server whose every delay is known. Times are checked from below exactly (nothing can be faster
 * than the delay that was made) and from above with room for a busy machine.
 */
#include "bench/load/bodies.h"
#include "bench/load/client.h"
#include "tests/unit/bench/tiny_server.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t ms_ns = 1000000;
static const char plain_body[] = "{\"items\":[],\"degraded\":null}";

struct set_up {
	struct rk_load_target target;
	struct rk_load_pool pool;
	struct rk_load_schedule schedule;
	struct rk_load_plan plan;
	struct rk_load_client *client;
	struct rk_load_run run;
	struct rk_load_summary summary;
};

/* rate 0: closed loop. Close with tear_down. */
static void run(struct set_up *set_up, const struct rk_tiny_server *server, double rate, uint32_t n_connections,
		uint64_t duration_ms)
{
	const struct rk_load_made made = {.id_low = 1, .id_high = 9, .n_events = 2};
	const struct rk_load_mix mix = {.kind = RK_LOAD_MIX_FIXED, .n = 3};
	struct rk_error error;
	cr_assert_eq(rk_load_target_parse(rk_tiny_server_url(server), NULL, &set_up->target, NULL), RK_OK);
	cr_assert_eq(rk_load_pool_open(&set_up->pool, 16, &set_up->target, 0, NULL), RK_OK);
	cr_assert_eq(rk_load_bodies_make(&set_up->pool, &made, &mix, 1, NULL), RK_OK);
	set_up->plan.target = &set_up->target;
	set_up->plan.pool = &set_up->pool;
	set_up->plan.n_connections = n_connections;
	set_up->plan.duration_ns = duration_ms * ms_ns;
	if (set_up->plan.timeout_ns == 0)
		set_up->plan.timeout_ns = 5000 * ms_ns;
	if (rate > 0) {
		cr_assert_eq(rk_load_schedule_open(&set_up->schedule, RK_LOAD_CONSTANT, rate,
						   set_up->plan.warmup_ns + set_up->plan.duration_ns, 1, NULL),
			     RK_OK);
		set_up->plan.schedule = &set_up->schedule;
	}
	cr_assert_eq(rk_load_client_open(&set_up->client, &set_up->plan, &error), RK_OK, "%s", error.message);
	cr_assert_eq(rk_load_client_run(set_up->client, &set_up->run, &error), RK_OK, "%s", error.message);
	cr_assert_eq(rk_load_summarise(&set_up->run, 0, &set_up->summary, NULL), RK_OK);
}

static void tear_down(struct set_up *set_up)
{
	rk_load_client_close(set_up->client);
	rk_load_schedule_close(&set_up->schedule);
	rk_load_pool_close(&set_up->pool);
}

static struct rk_tiny_step answer_after_5_ms(size_t request)
{
	(void)request;
	return (struct rk_tiny_step){.action = RK_TINY_ANSWER, .delay_ms = 5, .status = 200, .body = plain_body};
}

Test(load_client, measures_a_known_delay, .timeout = 30)
{
	struct set_up set_up = {.plan.warmup_ns = 100 * ms_ns};
	struct rk_tiny_server *server = rk_tiny_server_open(answer_after_5_ms, NULL);
	run(&set_up, server, 50, 4, 500);
	cr_assert_eq(rk_tiny_server_close(server), 29, "30 instants, the last of which is the run's end");
	cr_assert_eq(set_up.run.n_samples, 29);
	cr_assert_eq(set_up.summary.requests, 25, "without the four of the warm-up");
	cr_assert_eq(set_up.summary.status_200, 25);
	cr_assert_eq(set_up.summary.degraded, 0);
	cr_assert_eq(set_up.summary.reconnects, 0);
	cr_assert_geq(set_up.summary.ok_p50_ms, 5);
	cr_assert_lt(set_up.summary.ok_p50_ms, 15);
	for (size_t i = 0; i < set_up.run.n_samples; i++) {
		const struct rk_load_sample *sample = &set_up.run.samples[i];
		cr_assert_eq(sample->intended_ns, (i + 1) * 20 * ms_ns);
		cr_assert(sample->intended_ns <= sample->noticed_ns && sample->noticed_ns <= sample->sent_ns);
		cr_assert_geq(sample->done_ns, sample->sent_ns + 5 * ms_ns);
	}
	tear_down(&set_up);
}

static struct rk_tiny_step stall_once(size_t request)
{
	return (struct rk_tiny_step){
		.action = RK_TINY_ANSWER, .delay_ms = request == 40 ? 400 : 0, .status = 200, .body = plain_body};
}

/* Coordinated omission: a client that waits for the stalled answers would see four slow requests and send the others
 * later. Here everyone who wanted to come during the stall has waited for the rest of it. */
static void check_stall(uint32_t n_connections)
{
	struct set_up set_up = {0};
	struct rk_tiny_server *server = rk_tiny_server_open(stall_once, NULL);
	run(&set_up, server, 200, n_connections, 1000);
	cr_assert_eq(rk_tiny_server_close(server), 199);
	cr_assert_eq(set_up.summary.status_200, 199);
	/* request 40 is intended at 205 ms; the server is back at 605 ms at the earliest */
	size_t n_slow = 0;
	for (size_t i = 0; i < set_up.run.n_samples; i++) {
		const struct rk_load_sample *sample = &set_up.run.samples[i];
		cr_assert_eq(sample->intended_ns, (i + 1) * 5 * ms_ns, "the stall moved the schedule");
		n_slow += sample->done_ns - sample->intended_ns > 100 * ms_ns;
		if (i >= 40 && sample->intended_ns < 605 * ms_ns)
			cr_assert_geq(sample->done_ns, 605 * ms_ns, "request %zu", i);
	}
	cr_assert_geq(n_slow, 60, "found %zu requests of more than 100 ms, expected those of 300 ms", n_slow);
	cr_assert_geq(set_up.summary.ok_max_ms, 400);
	cr_assert_geq(set_up.summary.ok_p90_ms, 250);
	cr_assert_lt(set_up.summary.lag_p99_ms, 200, "the client was not held up");
	if (n_connections < 60)
		cr_assert_geq(set_up.summary.waited, 50, "the wait is the client's queue");
	tear_down(&set_up);
}

Test(load_client, latency_includes_a_stall_that_few_connections_hide, .timeout = 30)
{
	check_stall(4);
}

Test(load_client, latency_includes_a_stall_with_connections_for_all, .timeout = 30)
{
	check_stall(60);
}

static struct rk_tiny_step answer_after_20_ms(size_t request)
{
	(void)request;
	return (struct rk_tiny_step){.action = RK_TINY_ANSWER, .delay_ms = 20, .status = 200, .body = plain_body};
}

Test(load_client, overload_shows_as_a_growing_wait, .timeout = 30)
{
	struct set_up set_up = {0};
	struct rk_tiny_server *server = rk_tiny_server_open(answer_after_20_ms, NULL);
	/* twice what the server can do: the k-th answer comes at 20 (k + 1) ms at the earliest, wanted at 10 (k + 1) */
	run(&set_up, server, 100, 1, 600);
	(void)rk_tiny_server_close(server);
	cr_assert_eq(set_up.summary.status_200, 59);
	cr_assert_geq(set_up.summary.ok_max_ms, 59 * 20 - 590);
	cr_assert_geq(set_up.summary.ok_p50_ms, 300);
	cr_assert_leq(set_up.summary.goodput_per_s, 50.1);
	cr_assert_gt(set_up.summary.offered_per_s, 98);
	tear_down(&set_up);
}

static struct rk_tiny_step many_statuses(size_t request)
{
	static const struct rk_tiny_step steps[] = {
		{RK_TINY_ANSWER, 0, 200, plain_body},
		{RK_TINY_ANSWER, 0, 200, "{\"items\":[],\"degraded\":\"deadline\"}"},
		{RK_TINY_ANSWER, 0, 429, "{}"},
		{RK_TINY_ANSWER, 0, 503, NULL},
		{RK_TINY_ANSWER, 0, 504, "{\"degraded\":1}"},
		{RK_TINY_ANSWER, 0, 422, "{}"},
	};
	return steps[request % 6];
}

Test(load_client, counts_statuses, .timeout = 30)
{
	struct set_up set_up = {0};
	struct rk_tiny_server *server = rk_tiny_server_open(many_statuses, NULL);
	run(&set_up, server, 301, 8, 200);
	(void)rk_tiny_server_close(server);
	cr_assert_eq(set_up.run.n_samples, 60);
	cr_assert_eq(set_up.summary.status_200, 20);
	cr_assert_eq(set_up.summary.degraded, 10);
	cr_assert_eq(set_up.summary.status_429, 10);
	cr_assert_eq(set_up.summary.status_503, 10);
	cr_assert_eq(set_up.summary.status_504, 10);
	cr_assert_eq(set_up.summary.status_other, 10);
	cr_assert_eq(set_up.summary.reconnects, 0);
	tear_down(&set_up);
}

static struct rk_tiny_step many_endings(size_t request)
{
	static const struct rk_tiny_step steps[] = {
		{RK_TINY_ANSWER_AND_CLOSE, 0, 200, plain_body},
		{RK_TINY_ANSWER_TO_END, 0, 200, plain_body},
		{RK_TINY_HANG_UP, 0, 0, NULL},
		{RK_TINY_CUT, 0, 200, plain_body},
		{RK_TINY_BABBLE, 0, 0, NULL},
		{RK_TINY_ANSWER, 0, 200, plain_body},
	};
	return steps[request % 6];
}

Test(load_client, survives_connections_that_end, .timeout = 30)
{
	struct set_up set_up = {0};
	struct rk_tiny_server *server = rk_tiny_server_open(many_endings, NULL);
	run(&set_up, server, 301, 4, 200);
	cr_assert_eq(rk_tiny_server_close(server), 60);
	cr_assert_eq(set_up.summary.status_200, 30);
	cr_assert_eq(set_up.summary.resets, 20);
	cr_assert_eq(set_up.summary.malformed, 10);
	cr_assert_eq(set_up.summary.timeouts, 0);
	cr_assert_geq(set_up.summary.reconnects, 40);
	cr_assert(isinf(set_up.summary.all_p99_ms));
	tear_down(&set_up);
}

static struct rk_tiny_step silent_at_every_10th(size_t request)
{
	const enum rk_tiny_action action = request % 10 == 9 ? RK_TINY_SILENCE : RK_TINY_ANSWER;
	return (struct rk_tiny_step){.action = action, .status = 200, .body = plain_body};
}

Test(load_client, gives_up_after_the_time_out, .timeout = 30)
{
	struct set_up set_up = {.plan.timeout_ns = 300 * ms_ns};
	struct rk_tiny_server *server = rk_tiny_server_open(silent_at_every_10th, NULL);
	run(&set_up, server, 201, 16, 500);
	(void)rk_tiny_server_close(server);
	cr_assert_eq(set_up.summary.requests, 100);
	cr_assert_eq(set_up.summary.timeouts, 10);
	cr_assert_eq(set_up.summary.status_200, 90);
	for (size_t i = 0; i < set_up.run.n_samples; i++) {
		const struct rk_load_sample *sample = &set_up.run.samples[i];
		if (sample->outcome == RK_LOAD_TIMEOUT)
			cr_assert_geq(sample->done_ns, sample->intended_ns + 300 * ms_ns);
	}
	tear_down(&set_up);
}

static struct rk_tiny_step silent(size_t request)
{
	(void)request;
	return (struct rk_tiny_step){.action = RK_TINY_SILENCE};
}

Test(load_client, ends_though_nothing_is_ever_answered, .timeout = 30)
{
	struct set_up set_up = {.plan.timeout_ns = 50 * ms_ns};
	struct rk_tiny_server *server = rk_tiny_server_open(silent, NULL);
	run(&set_up, server, 1001, 1, 300);
	cr_assert_lt(rk_tiny_server_close(server), 300);
	cr_assert_eq(set_up.summary.timeouts, 300, "those that waited in the client count as well");
	cr_assert_eq(set_up.summary.goodput_per_s, 0);
	size_t n_unsent = 0;
	for (size_t i = 0; i < set_up.run.n_samples; i++)
		n_unsent += set_up.run.samples[i].sent_ns == 0;
	cr_assert_gt(n_unsent, 200);
	tear_down(&set_up);
}

static struct rk_tiny_step hang_up(size_t request)
{
	(void)request;
	return (struct rk_tiny_step){.action = RK_TINY_HANG_UP};
}

Test(load_client, does_not_storm_a_server_that_hangs_up, .timeout = 30)
{
	struct set_up set_up = {.plan.timeout_ns = 200 * ms_ns};
	struct rk_tiny_server *server = rk_tiny_server_open(hang_up, NULL);
	run(&set_up, server, 0, 2, 300);
	(void)rk_tiny_server_close(server);
	cr_assert_gt(set_up.summary.resets, 2);
	cr_assert_leq(set_up.summary.reconnects, 2 * 31, "two connections, one attempt every 10 ms");
	tear_down(&set_up);
}

Test(load_client, a_closed_loop_keeps_n_in_flight, .timeout = 30)
{
	struct set_up set_up = {.plan.warmup_ns = 100 * ms_ns};
	struct rk_tiny_server *server = rk_tiny_server_open(answer_after_5_ms, NULL);
	run(&set_up, server, 0, 3, 500);
	(void)rk_tiny_server_close(server);
	/* the server does one at a time: the capacity is at most 200/s, and by Little's law the mean wait is 3/200 s */
	cr_assert_leq(set_up.summary.goodput_per_s, 202);
	cr_assert_geq(set_up.summary.goodput_per_s, 50);
	cr_assert_geq(set_up.summary.ok_mean_ms, 13);
	for (size_t i = 0; i < set_up.run.n_samples; i++) {
		size_t n_in_flight = 1;
		for (size_t j = 0; j < i; j++)
			n_in_flight += set_up.run.samples[j].done_ns > set_up.run.samples[i].intended_ns;
		cr_assert_leq(n_in_flight, 3, "request %zu", i);
	}
	tear_down(&set_up);
}

Test(load_client, speaks_over_unix_sockets, .timeout = 30)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/tmp/rankd-load-%d.sock", (int)getpid());
	struct set_up set_up = {0};
	struct rk_tiny_server *server = rk_tiny_server_open(many_statuses, path);
	run(&set_up, server, 301, 4, 200);
	(void)rk_tiny_server_close(server);
	(void)unlink(path);
	cr_assert_eq(set_up.summary.requests, 60);
	cr_assert_eq(set_up.summary.status_200, 20);
	tear_down(&set_up);
}

Test(load_client, spinning_gives_the_same_counts, .timeout = 30)
{
	struct set_up set_up = {.plan.spin_ns = 200000};
	struct rk_tiny_server *server = rk_tiny_server_open(many_statuses, NULL);
	run(&set_up, server, 301, 4, 200);
	(void)rk_tiny_server_close(server);
	cr_assert_eq(set_up.summary.requests, 60);
	cr_assert_eq(set_up.summary.status_200, 20);
	tear_down(&set_up);
}

Test(load_client, says_why_it_cannot_connect)
{
	struct set_up set_up = {0};
	struct rk_error error;
	cr_assert_eq(rk_load_target_parse("unix:/nonexistent/socket", NULL, &set_up.target, NULL), RK_OK);
	cr_assert_eq(rk_load_pool_open(&set_up.pool, 1, &set_up.target, 0, NULL), RK_OK);
	cr_assert_eq(rk_load_pool_add(&set_up.pool, rk_bytes_of("{}"), 1, NULL), RK_OK);
	const struct rk_load_plan plan = {
		.target = &set_up.target, .pool = &set_up.pool, .n_connections = 1, .duration_ns = ms_ns};
	cr_assert_eq(rk_load_client_open(&set_up.client, &plan, &error), RK_IO);
	cr_assert_not_null(strstr(error.message, "connect: No such file"), "%s", error.message);
	rk_load_pool_close(&set_up.pool);
}
