/*
 * The head is taken line by line into a small buffer (a split inside a line is thus no case of its own), the body is
 * counted. Interim answers (1xx) are passed over.
 */
#include "bench/load/response.h"

#include <string.h>
#include <strings.h>

void rk_load_response_reset(struct rk_load_response *response)
{
	response->state = RK_LOAD_RESPONSE_STATUS_LINE;
	response->status = 0;
	response->closes = response->has_length = response->is_http_1_0 = false;
	response->length = response->body_bytes = 0;
	response->head_bytes = response->line_bytes = response->tail_bytes = 0;
}

static void take_status_line(struct rk_load_response *response)
{
	const char *line = response->line;
	bool is_good = response->line_bytes >= 12 && memcmp(line, "HTTP/1.", 7) == 0 &&
		       (line[7] == '0' || line[7] == '1') && line[8] == ' ' &&
		       (response->line_bytes == 12 || line[12] == ' ');
	uint16_t status = 0;
	for (size_t i = 9; is_good && i < 12; i++) {
		is_good = line[i] >= '0' && line[i] <= '9';
		status = (uint16_t)(status * 10 + (line[i] - '0'));
	}
	if (!is_good || status < 100) {
		response->state = RK_LOAD_RESPONSE_MALFORMED;
		return;
	}
	response->status = status;
	response->is_http_1_0 = response->closes = line[7] == '0';
	response->state = RK_LOAD_RESPONSE_HEADERS;
}

static void take_length(struct rk_load_response *response, const char *value, size_t size)
{
	uint64_t length = 0;
	bool is_good = size > 0 && size <= 15 && !response->has_length;
	for (size_t i = 0; is_good && i < size; i++) {
		is_good = value[i] >= '0' && value[i] <= '9';
		length = length * 10 + (uint64_t)(value[i] - '0');
	}
	if (!is_good) {
		response->state = RK_LOAD_RESPONSE_MALFORMED;
		return;
	}
	response->has_length = true;
	response->length = length;
}

static bool equals(const char *text, size_t size, const char *word)
{
	return size == strlen(word) && strncasecmp(text, word, size) == 0;
}

static void take_header(struct rk_load_response *response)
{
	const char *line = response->line;
	const char *colon = memchr(line, ':', response->line_bytes);
	if (colon == NULL || colon == line) {
		response->state = RK_LOAD_RESPONSE_MALFORMED;
		return;
	}
	const size_t name_bytes = (size_t)(colon - line);
	const char *value = colon + 1;
	const char *end = line + response->line_bytes;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	const size_t value_bytes = (size_t)(end - value);

	if (equals(line, name_bytes, "Content-Length"))
		take_length(response, value, value_bytes);
	else if (equals(line, name_bytes, "Transfer-Encoding"))
		response->state = RK_LOAD_RESPONSE_MALFORMED;
	else if (equals(line, name_bytes, "Connection") && equals(value, value_bytes, "close"))
		response->closes = true;
	else if (equals(line, name_bytes, "Connection") && equals(value, value_bytes, "keep-alive"))
		response->closes = false;
}

static void end_head(struct rk_load_response *response)
{
	if (response->status < 200) {
		rk_load_response_reset(response);
		return;
	}
	const bool is_bodiless = response->status == 204 || response->status == 304;
	if (!response->has_length && !is_bodiless)
		response->closes = true;
	response->state = is_bodiless || (response->has_length && response->length == 0) ? RK_LOAD_RESPONSE_DONE
											 : RK_LOAD_RESPONSE_BODY;
}

static void end_line(struct rk_load_response *response)
{
	if (response->line_bytes > 0 && response->line[response->line_bytes - 1] == '\r')
		response->line_bytes--;
	if (response->state == RK_LOAD_RESPONSE_STATUS_LINE)
		take_status_line(response);
	else if (response->line_bytes == 0)
		end_head(response);
	else
		take_header(response);
	response->line_bytes = 0;
}

static size_t feed_head(struct rk_load_response *response, const char *data, size_t size)
{
	const char *newline = memchr(data, '\n', size);
	const size_t taken = newline == NULL ? size : (size_t)(newline - data) + 1;
	const size_t text = newline == NULL ? taken : taken - 1;
	const size_t room = RK_LOAD_RESPONSE_LINE_BYTES - response->line_bytes;
	const size_t copied = text < room ? text : room;
	memcpy(response->line + response->line_bytes, data, copied);
	response->line_bytes += copied;
	response->head_bytes += taken;
	if (response->head_bytes > RK_LOAD_RESPONSE_HEAD_BYTES)
		response->state = RK_LOAD_RESPONSE_MALFORMED;
	else if (newline != NULL)
		end_line(response);
	return taken;
}

static void keep_tail(struct rk_load_response *response, const char *data, size_t size)
{
	if (size >= RK_LOAD_RESPONSE_TAIL_BYTES) {
		memcpy(response->tail, data + size - RK_LOAD_RESPONSE_TAIL_BYTES, RK_LOAD_RESPONSE_TAIL_BYTES);
		response->tail_bytes = RK_LOAD_RESPONSE_TAIL_BYTES;
		return;
	}
	const size_t room = RK_LOAD_RESPONSE_TAIL_BYTES - size;
	const size_t kept = response->tail_bytes < room ? response->tail_bytes : room;
	memmove(response->tail, response->tail + response->tail_bytes - kept, kept);
	memcpy(response->tail + kept, data, size);
	response->tail_bytes = kept + size;
}

static size_t feed_body(struct rk_load_response *response, const char *data, size_t size)
{
	const uint64_t missing = response->has_length ? response->length - response->body_bytes : size;
	const size_t taken = missing < size ? (size_t)missing : size;
	keep_tail(response, data, taken);
	response->body_bytes += taken;
	if (response->has_length && response->body_bytes == response->length)
		response->state = RK_LOAD_RESPONSE_DONE;
	return taken;
}

size_t rk_load_response_feed(struct rk_load_response *response, const char *data, size_t size)
{
	size_t taken = 0;
	while (taken < size && response->state < RK_LOAD_RESPONSE_DONE) {
		const char *rest = data + taken;
		taken += response->state == RK_LOAD_RESPONSE_BODY ? feed_body(response, rest, size - taken)
								  : feed_head(response, rest, size - taken);
	}
	return taken;
}

void rk_load_response_end(struct rk_load_response *response)
{
	if (response->state == RK_LOAD_RESPONSE_BODY && !response->has_length)
		response->state = RK_LOAD_RESPONSE_DONE;
}

bool rk_load_response_is_degraded(const struct rk_load_response *response)
{
	static const char key[] = "\"degraded\":";
	const char *end = response->tail + response->tail_bytes;
	const char *value = memmem(response->tail, response->tail_bytes, key, sizeof(key) - 1);
	if (value == NULL)
		return false;
	value += sizeof(key) - 1;
	while (value < end && *value == ' ')
		value++;
	return end - value < 4 || memcmp(value, "null", 4) != 0;
}
