/*
 * jansson 2.14 collects every token in one buffer and does not notice when that buffer fails to grow: the token then
 * lacks characters, and 17 digits turn into another number. So the text is parsed as the second element of an array
 * whose first element is a string as long as the longest token: when that string comes back whole, the buffer has
 * grown already and cannot fail any more; when it does not, memory was short.
 */
#include "loader/json_read.h"

#include "loader/foreign.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct outline {
	uint32_t depth, max_depth;
	uint64_t n_values;
	size_t longest_token; /* bytes */
};

static size_t string_bytes(struct rk_bytes text, size_t at)
{
	size_t end = at + 1;
	while (end < text.size && text.data[end] != '"')
		end += text.data[end] == '\\' ? 2 : 1;
	return (end < text.size ? end + 1 : text.size) - at;
}

static bool is_separator(char c)
{
	return c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}' || c == '"' || c == ' ' ||
	       c == '\n' || c == '\t' || c == '\r';
}

static size_t word_bytes(struct rk_bytes text, size_t at)
{
	size_t end = at;
	while (end < text.size && !is_separator(text.data[end]))
		end++;
	return end - at;
}

static void count_separator(struct outline *outline, char c)
{
	bool opens = c == '[' || c == '{';
	outline->n_values += opens || c == ',' || c == ':';
	if (opens && ++outline->depth > outline->max_depth)
		outline->max_depth = outline->depth;
	if ((c == ']' || c == '}') && outline->depth > 0)
		outline->depth--;
}

/* One pass without memory. Says nothing about validity; what it counts bounds what the parser will do. */
static struct outline outline_of(struct rk_bytes text)
{
	struct outline outline = {0};
	for (size_t at = 0; at < text.size;) {
		char c = text.data[at];
		size_t n = c == '"' ? string_bytes(text, at) : word_bytes(text, at);
		if (n == 0) {
			count_separator(&outline, c);
			n = 1;
		}
		outline.longest_token = n > outline.longest_token ? n : outline.longest_token;
		at += n;
	}
	return outline;
}

/* The wrapped text, handed out piece by piece: ["pad",<line feed>text] */
struct feed {
	size_t n_pad, pad_left;
	unsigned piece;
	struct rk_bytes rest; /* of the current piece */
	struct rk_bytes text;
};

static size_t take_pad(struct feed *feed, char *buffer, size_t size)
{
	size_t n = feed->pad_left < size ? feed->pad_left : size;
	memset(buffer, ' ', n);
	feed->pad_left -= n;
	return n;
}

static size_t take_rest(struct feed *feed, char *buffer, size_t size)
{
	size_t n = feed->rest.size < size ? feed->rest.size : size;
	if (n == 0)
		return 0;
	memcpy(buffer, feed->rest.data, n);
	feed->rest = (struct rk_bytes){feed->rest.data + n, feed->rest.size - n};
	return n;
}

static size_t give(void *buffer, size_t size, void *context)
{
	struct feed *feed = context;
	enum { PAD = 1, LAST = 4 };
	const struct rk_bytes pieces[] = {{"[\"", 2}, {"", 0}, {"\",\n", 3}, feed->text, {"]", 1}};
	size_t used = 0;
	while (used < size && feed->piece <= LAST) {
		char *at = (char *)buffer + used;
		size_t n = size - used;
		if (feed->piece == PAD) {
			n = take_pad(feed, at, n);
		} else {
			n = take_rest(feed, at, n);
		}
		used += n;
		bool piece_done = feed->piece == PAD ? feed->pad_left == 0 : feed->rest.size == 0;
		if (piece_done && ++feed->piece <= LAST)
			feed->rest = pieces[feed->piece];
	}
	return used;
}

static enum rk_status fail_parse(const json_error_t *error, struct rk_error *reterr)
{
	if (error->text[0] == '\0')
		return rk_error_set(reterr, RK_NO_MEMORY, "no memory to parse it");
	/* what the parser quotes behind "near" is raw text of the file */
	const char *quote = strstr(error->text, " near ");
	size_t size = quote != NULL ? (size_t)(quote - error->text) : strlen(error->text);
	struct rk_foreign_shown reason = rk_foreign_show((struct rk_bytes){error->text, size});
	/* the wrapping adds a line, and where the text has only one its number tells nothing */
	if (error->line <= 2)
		return rk_error_set(reterr, RK_MALFORMED, "not valid JSON: %s", reason.text);
	return rk_error_set(reterr, RK_MALFORMED, "line %d: not valid JSON: %s", error->line - 1, reason.text);
}

static enum rk_status check_limits(const struct outline *outline, const struct rk_json_limits *limits,
				   struct rk_error *reterr)
{
	if (outline->max_depth > limits->max_depth)
		return rk_error_set(reterr, RK_LIMIT, "expected nesting of at most %u, found %u", limits->max_depth,
				    outline->max_depth);
	if (outline->n_values > limits->max_values)
		return rk_error_set(reterr, RK_LIMIT, "expected at most %u values, found %llu", limits->max_values,
				    (unsigned long long)outline->n_values);
	if (limits->max_token > 0 && outline->longest_token > limits->max_token)
		return rk_error_set(reterr, RK_LIMIT, "expected strings of at most %zu bytes, found %zu",
				    limits->max_token, outline->longest_token);
	return RK_OK;
}

enum rk_status rk_json_read(json_t **ret_value, struct rk_bytes text, const struct rk_json_limits *limits,
			    struct rk_error *reterr)
{
	struct outline outline = outline_of(text);
	enum rk_status status = check_limits(&outline, limits, reterr);
	if (status != RK_OK)
		return status;
	struct feed feed = {
		.n_pad = outline.longest_token, .pad_left = outline.longest_token, .rest = {"[\"", 2}, .text = text};
	json_error_t error = {.line = 0};
	json_t *wrapped = json_load_callback(give, &feed, JSON_REJECT_DUPLICATES, &error);
	if (wrapped == NULL)
		return fail_parse(&error, reterr);
	if (json_string_length(json_array_get(wrapped, 0)) != feed.n_pad)
		status = rk_error_set(reterr, RK_NO_MEMORY, "no memory to parse it");
	else if (json_array_size(wrapped) != 2)
		status = rk_error_set(reterr, RK_MALFORMED, "expected one JSON value, found %zu",
				      json_array_size(wrapped) - 1);
	else
		*ret_value = json_incref(json_array_get(wrapped, 1));
	json_decref(wrapped);
	return status;
}

struct rk_bytes rk_json_text(const json_t *string)
{
	return (struct rk_bytes){json_string_value(string), json_string_length(string)};
}

static struct rk_bytes cut(struct rk_bytes text, size_t max)
{
	return (struct rk_bytes){text.data, text.size < max ? text.size : max};
}

/* With as few digits as read back to the same number, and never as an integer. */
static void show_real(struct rk_json_shown *shown, double value)
{
	enum { DIGITS = 15, ENOUGH_DIGITS = 17 }; /* a double keeps 15; 17 tell all doubles apart */
	for (int n_digits = DIGITS; n_digits <= ENOUGH_DIGITS; n_digits++) {
		(void)snprintf(shown->text, sizeof(shown->text), "%.*g", n_digits, value);
		if (strtod(shown->text, NULL) == value)
			break;
	}
	if (strpbrk(shown->text, ".en") == NULL) /* n: inf and nan */
		(void)snprintf(shown->text, sizeof(shown->text), "%.1f", value);
}

struct rk_json_shown rk_json_show(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",      [JSON_NULL] = "null",
	};
	enum { MAX_SHOWN_BYTES = 64 };
	struct rk_json_shown shown;
	if (value == NULL)
		(void)snprintf(shown.text, sizeof(shown.text), "nothing");
	else if (json_is_string(value))
		(void)snprintf(shown.text, sizeof(shown.text), "the string \"%.64s\"",
			       rk_foreign_show(cut(rk_json_text(value), MAX_SHOWN_BYTES)).text);
	else if (json_is_integer(value))
		(void)snprintf(shown.text, sizeof(shown.text), "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		show_real(&shown, json_real_value(value));
	else
		(void)snprintf(shown.text, sizeof(shown.text), "%s", names[json_typeof(value)]);
	return shown;
}
