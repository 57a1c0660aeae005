#include "server/canned.h"

#include "model/base/check.h"

#include <stdio.h>
#include <sys/socket.h>

void rk_canned_write(struct rk_canned *ret_canned, enum rk_problem problem, const char *detail, unsigned retry_after_s)
{
	static const size_t document_size = 16 * 1024;
	char document[16 * 1024];
	char retry_after[48] = "";
	if (retry_after_s > 0)
		(void)snprintf(retry_after, sizeof(retry_after), "Retry-After: %u\r\n", retry_after_s);
	size_t n_document = rk_problem_write(document, document_size, problem, detail, NULL, NULL, -1);
	int n = snprintf(ret_canned->text, sizeof(ret_canned->text),
			 "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: application/problem+json\r\n%s"
			 "Content-Length: %zu\r\n\r\n%.*s",
			 rk_problem_status(problem), rk_problem_title(problem), retry_after, n_document,
			 (int)n_document, document);
	RK_ASSERT(n > 0 && (size_t)n < sizeof(ret_canned->text));
	ret_canned->size = (size_t)n;
}

bool rk_canned_send(const struct rk_canned *canned, int socket)
{
	return send(socket, canned->text, canned->size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)canned->size;
}
