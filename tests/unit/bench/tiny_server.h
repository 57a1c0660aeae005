/* An HTTP server of one thread for the client's tests: it does to each request what a script says. Loopback, any port.
 */
#ifndef RK_TESTS_TINY_SERVER_H
#define RK_TESTS_TINY_SERVER_H

#include <stddef.h>
#include <stdint.h>

enum rk_tiny_action {
	RK_TINY_ANSWER,           /* status and body, connection kept */
	RK_TINY_ANSWER_AND_CLOSE, /* the same with Connection: close */
	RK_TINY_ANSWER_TO_END,    /* without Content-Length: the body ends with the connection */
	RK_TINY_HANG_UP,          /* close without an answer */
	RK_TINY_CUT,              /* half of the answer, then close */
	RK_TINY_BABBLE,           /* what is not HTTP */
	RK_TINY_SILENCE,          /* no answer, connection kept */
};

struct rk_tiny_step {
	enum rk_tiny_action action;
	uint32_t delay_ms; /* during which the whole server stands still */
	uint32_t status;
	const char *body;
};

/* `request` counts from 0, in the order that they arrived. Runs on the server's thread. */
typedef struct rk_tiny_step rk_tiny_script(size_t request);

struct rk_tiny_server;

/* Listens on 127.0.0.1, or on `unix_path` if that is not NULL. Fails the test if it cannot. */
struct rk_tiny_server *rk_tiny_server_open(rk_tiny_script *script, const char *unix_path);

/* "http://127.0.0.1:PORT/rank" or "unix:PATH" */
const char *rk_tiny_server_url(const struct rk_tiny_server *server);

/* Stops the thread; returns how many whole requests it saw. */
size_t rk_tiny_server_close(struct rk_tiny_server *server);

#endif
