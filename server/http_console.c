/* The console's files, out of the program itself. Their policy lets the page load nothing from elsewhere, run no script
 * but these files, and be framed by nobody. */
#include "server/http_internal.h"

#include "server/embedded.h"

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
			     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static bool add_headers(const struct rk_connection *connection, struct MHD_Response *response,
			const struct rk_embedded *file)
{
	return rk_http_add_header(response, MHD_HTTP_HEADER_ETAG, file->etag) &&
	       rk_http_add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache") &&
	       rk_http_add_header(response, "Content-Security-Policy", policy) &&
	       rk_http_add_header(response, "X-Content-Type-Options", "nosniff") &&
	       rk_http_add_header(response, "Referrer-Policy", "no-referrer") &&
	       rk_http_add_trace(connection, response) && rk_http_add_closing(connection->http, response);
}

enum MHD_Result rk_http_console_answer(struct rk_connection *connection, struct MHD_Connection *mhd)
{
	const struct rk_head *head = &connection->exchange.guard.head;
	struct rk_bytes name = head->segment.size == 0 ? rk_bytes_of("index.html") : head->segment;
	const struct rk_embedded *file = rk_embedded_find(rk_embedded_console, name);
	if (file == NULL) {
		struct rk_refusal refusal = rk_http_refusal(RK_PROBLEM_UNKNOWN_PATH, "there is nothing at this path");
		return rk_http_answer_refusal(connection, mhd, &refusal);
	}
	bool is_known = rk_bytes_equal(head->if_none_match, rk_bytes_of(file->etag));
	/* the bytes are cast to what the library asks for; they are only read, and live as long as the program */
	struct MHD_Response *response = MHD_create_response_from_buffer(
		is_known ? 0 : file->bytes.size, (void *)(uintptr_t)file->bytes.data, MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return MHD_NO;
	bool is_good = add_headers(connection, response, file) &&
		       (is_known || rk_http_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, file->type));
	enum MHD_Result result = is_good ? rk_http_queue(connection, mhd, is_known ? 304 : 200, response) : MHD_NO;
	MHD_destroy_response(response);
	return result;
}
