#include "bench/load/response.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void feed_all(struct rk_load_response *response, const char *text)
{
	rk_load_response_reset(response);
	(void)rk_load_response_feed(response, text, strlen(text));
}

static const char whole[] = "HTTP/1.1 100 Continue\r\n\r\n"
			    "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length:  29 \r\nServer-Timing: a;dur=1\r\n\r\n"
			    "{\"items\":[],\"degraded\":\"late\"}";

Test(load_response, is_the_same_at_every_pair_of_splits)
{
	/* every first and every second split point, and a byte of the next answer that must be left alone */
	const size_t size = sizeof(whole) - 2;
	for (size_t first = 0; first <= size; first++) {
		for (size_t second = first; second <= size; second++) {
			struct rk_load_response response;
			rk_load_response_reset(&response);
			size_t taken = rk_load_response_feed(&response, whole, first);
			cr_assert_eq(taken, first);
			taken += rk_load_response_feed(&response, whole + first, second - first);
			cr_assert_eq(taken, second);
			if (second < size)
				cr_assert_lt(response.state, RK_LOAD_RESPONSE_DONE, "%zu, %zu", first, second);
			taken += rk_load_response_feed(&response, whole + second, size + 1 - second);
			cr_assert_eq(taken, size, "%zu, %zu", first, second);
			cr_assert_eq(response.state, RK_LOAD_RESPONSE_DONE);
			cr_assert_eq(response.status, 200);
			cr_assert_eq(response.body_bytes, 29);
			cr_assert_not(response.closes);
			cr_assert(rk_load_response_is_degraded(&response));
		}
	}
}

Test(load_response, takes_byte_by_byte)
{
	struct rk_load_response response;
	rk_load_response_reset(&response);
	for (size_t i = 0; i < sizeof(whole) - 2; i++)
		cr_assert_eq(rk_load_response_feed(&response, whole + i, 1), 1);
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_DONE);
	cr_assert_eq(rk_load_response_feed(&response, "x", 1), 0);
	cr_assert(rk_load_response_is_degraded(&response));
}

Test(load_response, knows_answers_without_a_body)
{
	struct rk_load_response response;
	feed_all(&response, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_DONE);
	feed_all(&response, "HTTP/1.1 204 No Content\r\n\r\n");
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_DONE);
	cr_assert_not(response.closes);
	feed_all(&response, "HTTP/1.1 429\r\nContent-Length: 0\r\n\r\n");
	cr_assert_eq(response.status, 429);
}

Test(load_response, knows_when_the_connection_closes)
{
	struct rk_load_response response;
	feed_all(&response, "HTTP/1.1 503 x\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx");
	cr_assert(response.state == RK_LOAD_RESPONSE_DONE && response.closes);
	feed_all(&response, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx");
	cr_assert(response.state == RK_LOAD_RESPONSE_DONE && response.closes);
	feed_all(&response, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx");
	cr_assert(response.state == RK_LOAD_RESPONSE_DONE && !response.closes);
}

Test(load_response, a_body_without_length_ends_with_the_connection)
{
	struct rk_load_response response;
	feed_all(&response, "HTTP/1.1 200 OK\r\n\r\nabc");
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_BODY);
	rk_load_response_end(&response);
	cr_assert(response.state == RK_LOAD_RESPONSE_DONE && response.closes);
	cr_assert_eq(response.body_bytes, 3);
	feed_all(&response, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc");
	rk_load_response_end(&response);
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_BODY, "a body that was cut off is not whole");
}

Test(load_response, refuses_what_it_does_not_speak)
{
	static const char *const texts[] = {
		"HTTP/2 200 OK\r\n",
		"HTTP/1.2 200 OK\r\n",
		"HTTP/1.1 20 OK\r\n",
		"HTTP/1.1 2000 OK\r\n",
		"HTTP/1.1 099 OK\r\n",
		"HTTP/1.1x200 OK\r\n",
		"\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n",
		"HTTP/1.1 200 OK\r\n: nameless\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: \r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rk_load_response response;
		feed_all(&response, texts[i]);
		cr_assert_eq(response.state, RK_LOAD_RESPONSE_MALFORMED, "%s", texts[i]);
	}
}

Test(load_response, passes_over_long_lines_but_bounds_the_head)
{
	char line[3000];
	memset(line, 'a', sizeof(line));
	memcpy(line, "Long: ", 6);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	struct rk_load_response response;
	feed_all(&response, "HTTP/1.1 200 OK\r\n");
	cr_assert_eq(rk_load_response_feed(&response, line, sizeof(line)), sizeof(line));
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_HEADERS);
	(void)rk_load_response_feed(&response, "Content-Length: 2\r\n\r\nok", 23);
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_DONE);

	feed_all(&response, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 30 && response.state == RK_LOAD_RESPONSE_HEADERS; i++)
		(void)rk_load_response_feed(&response, line, sizeof(line));
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_MALFORMED);
	cr_assert_leq(response.head_bytes, RK_LOAD_RESPONSE_HEAD_BYTES + sizeof(line));
}

static bool is_degraded(const char *body, size_t filler, size_t step)
{
	char text[2048];
	struct rk_load_response response;
	const int head =
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", filler + strlen(body));
	memset(text + head, ' ', filler);
	memcpy(text + head + filler, body, strlen(body));
	rk_load_response_reset(&response);
	const size_t size = (size_t)head + filler + strlen(body);
	for (size_t at = 0; at < size; at += step)
		(void)rk_load_response_feed(&response, text + at, at + step < size ? step : size - at);
	cr_assert_eq(response.state, RK_LOAD_RESPONSE_DONE);
	return rk_load_response_is_degraded(&response);
}

Test(load_response, sees_a_degraded_reply)
{
	for (size_t filler = 0; filler < 600; filler += 37) {
		for (size_t step = 1; step < 400; step = step * 2 + 1) {
			cr_assert(is_degraded("\"degraded\":\"deadline\"}", filler, step));
			cr_assert(is_degraded("\"degraded\": {\"left_out\": 3}}\n", filler, step));
			cr_assert_not(is_degraded("\"degraded\":null}", filler, step));
			cr_assert_not(is_degraded("\"degraded\":  null}\n", filler, step));
			cr_assert_not(is_degraded("{}", filler, step));
		}
	}
}
