#include "server/clock.h"
#include "server/reaper.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Time is handed in, so nothing here waits. */
enum { REQUEST_S = 10, IDLE_S = 60 };

static struct rk_reaper reaper;
static struct rk_connection connection;
static int client;
static unsigned n_reaped;
static uint64_t start_ns;

static void count(void *context)
{
	(void)context;
	n_reaped++;
}

static int accept_on_loopback(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(here);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&here, size), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&here, &size), 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&here, size), 0);
	int server = accept(listener, NULL, NULL);
	cr_assert_geq(server, 0);
	(void)close(listener);
	return server;
}

static void set_up(void)
{
	struct rk_reaper_options options = {.request_timeout_ns = REQUEST_S * RK_NS_PER_S,
					    .idle_timeout_ns = IDLE_S * RK_NS_PER_S,
					    .reaped = count};
	rk_reaper_init(&reaper, &options);
	connection.socket = -1;
	cr_assert_eq(pthread_mutex_init(&connection.lock, NULL), 0);
	start_ns = rk_clock_ns();
	rk_connection_open(&connection, accept_on_loopback(), start_ns);
	n_reaped = 0;
}

static void tear_down(void)
{
	(void)close(connection.socket);
	(void)close(client);
}

TestSuite(reaper, .init = set_up, .fini = tear_down);

static void look_at(double seconds)
{
	(void)rk_reaper_look(&reaper, &connection, start_ns + (uint64_t)(seconds * (double)RK_NS_PER_S));
}

static bool is_reaped(void)
{
	return rk_connection_phase(&connection) == RK_CONNECTION_REAPED;
}

static const char *received(void)
{
	static char text[2048];
	ssize_t n = recv(client, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void move(enum rk_connection_phase from, enum rk_connection_phase to, double seconds)
{
	cr_assert(rk_connection_move(&connection, from, to, start_ns + (uint64_t)(seconds * (double)RK_NS_PER_S)));
}

Test(reaper, a_late_request_gets_408)
{
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	look_at(10.9);
	cr_assert_not(is_reaped());
	look_at(11.1);
	cr_assert(is_reaped());
	cr_assert_eq(n_reaped, 1);
	const char *answer = received();
	cr_assert_eq(strncmp(answer, "HTTP/1.1 408 ", 13), 0);
	cr_assert_not_null(strstr(answer, "urn:rankd:problem:request-timeout"));
	cr_assert_not(rk_connection_move(&connection, RK_CONNECTION_ARRIVING, RK_CONNECTION_WORKING, start_ns),
		      "the I/O thread has lost");
	look_at(30);
	cr_assert_eq(n_reaped, 1, "once");
}

Test(reaper, a_request_that_went_on_is_left_alone)
{
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	move(RK_CONNECTION_ARRIVING, RK_CONNECTION_WORKING, 10);
	look_at(1000);
	cr_assert_not(is_reaped(), "work is bounded by its budget");
	move(RK_CONNECTION_WORKING, RK_CONNECTION_SENDING, 1000);
	look_at(1009);
	cr_assert_not(is_reaped());
}

Test(reaper, a_late_answer_just_ends)
{
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	move(RK_CONNECTION_ARRIVING, RK_CONNECTION_SENDING, 2);
	look_at(12.1);
	cr_assert(is_reaped());
	cr_assert_eq(n_reaped, 1);
	cr_assert_str_empty(received());
}

Test(reaper, an_answer_that_nobody_reads_just_ends)
{
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	move(RK_CONNECTION_ARRIVING, RK_CONNECTION_SENDING, 1);
	static char answer[4 << 20];
	while (send(connection.socket, answer, sizeof(answer), MSG_DONTWAIT) > 0) /* as much as the kernel takes */
		;
	move(RK_CONNECTION_SENDING, RK_CONNECTION_IDLE, 2);
	look_at(11.9);
	cr_assert_not(is_reaped());
	look_at(12.1);
	cr_assert(is_reaped());
	cr_assert_eq(n_reaped, 1);
}

Test(reaper, an_answer_that_has_arrived_is_no_reason)
{
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	move(RK_CONNECTION_ARRIVING, RK_CONNECTION_SENDING, 1);
	cr_assert_eq(send(connection.socket, "answer", 6, 0), 6);
	move(RK_CONNECTION_SENDING, RK_CONNECTION_IDLE, 2);
	look_at(12.1);
	cr_assert_not(is_reaped());
}

Test(reaper, a_fresh_line_that_drips)
{
	cr_assert_eq(send(client, "GET", 3, 0), 3);
	look_at(1);
	look_at(10.9);
	cr_assert_not(is_reaped());
	look_at(11.1);
	cr_assert(is_reaped());
	cr_assert_eq(strncmp(received(), "HTTP/1.1 408 ", 13), 0);
}

Test(reaper, bytes_of_earlier_requests_are_no_drip)
{
	cr_assert_eq(send(client, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 0.1);
	move(RK_CONNECTION_ARRIVING, RK_CONNECTION_SENDING, 0.1);
	move(RK_CONNECTION_SENDING, RK_CONNECTION_IDLE, 0.2);
	look_at(0.3);
	look_at(20);
	cr_assert_not(is_reaped());
	cr_assert_eq(send(client, "G", 1, 0), 1);
	look_at(21);
	look_at(30.9);
	cr_assert_not(is_reaped());
	look_at(31.1);
	cr_assert(is_reaped());
}

Test(reaper, an_idle_connection_has_its_own_bound)
{
	look_at(59);
	cr_assert_not(is_reaped());
	look_at(60.1);
	cr_assert(is_reaped());
	cr_assert_eq(n_reaped, 0, "that is no request that timed out");
	cr_assert_str_empty(received());
}

Test(reaper, a_peer_that_left_in_the_middle)
{
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	look_at(1.1);
	(void)close(client);
	client = -1;
	look_at(1.2);
	cr_assert_not(is_reaped(), "the I/O thread may be about to go on");
	look_at(1.4);
	cr_assert(is_reaped());
	cr_assert_eq(n_reaped, 0, "nobody waited too long");
}

Test(reaper, what_the_peer_sent_before_it_left_is_read_first)
{
	cr_assert_eq(send(client, "GET", 3, 0), 3);
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	(void)shutdown(client, SHUT_WR);
	look_at(1.2);
	look_at(1.4);
	cr_assert_not(is_reaped());
	char text[3];
	cr_assert_eq(recv(connection.socket, text, 3, 0), 3);
	look_at(1.6);
	look_at(1.8);
	cr_assert(is_reaped());
}

Test(reaper, a_peer_that_waits_with_its_side_closed)
{
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	move(RK_CONNECTION_ARRIVING, RK_CONNECTION_WORKING, 1);
	(void)shutdown(client, SHUT_WR);
	look_at(1.2);
	look_at(1.4);
	cr_assert_not(is_reaped());
	move(RK_CONNECTION_WORKING, RK_CONNECTION_SENDING, 1.5);
	look_at(1.6);
	look_at(1.8);
	cr_assert_not(is_reaped());
}

Test(reaper, a_closed_connection_is_not_touched)
{
	int socket = connection.socket;
	move(RK_CONNECTION_IDLE, RK_CONNECTION_ARRIVING, 1);
	rk_connection_close(&connection);
	look_at(1000);
	cr_assert_eq(n_reaped, 0);
	(void)close(socket);
}
