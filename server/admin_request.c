#include "server/admin_request.h"

#include "server/jansson_type.h"
#include "server/text.h"

#include <jansson.h>
#include <stdio.h>

static bool refuse(struct rk_admin_order *order, enum rk_problem problem, const char *detail)
{
	order->refusal =
		(struct rk_refusal){.problem = problem, .status = rk_problem_status(problem), .detail = detail};
	return false;
}

static bool refuse_at(struct rk_admin_order *order, const char *detail)
{
	(void)refuse(order, RK_PROBLEM_INVALID_REQUEST, detail);
	order->refusal.pointer = order->pointer;
	return false;
}

/* "/key" as a JSON Pointer, cut where a character that does not fit begins. */
static void point_to(struct rk_admin_order *order, const char *key)
{
	struct rk_text text;
	rk_text_init(&text, order->pointer, sizeof(order->pointer) - 1);
	rk_text_put_char(&text, '/');
	size_t used = text.used;
	for (; *key != '\0' && !text.overflowed; key++) {
		if (*key == '~' || *key == '/')
			rk_text_put_text(&text, *key == '~' ? "~0" : "~1");
		else
			rk_text_put_char(&text, *key);
		used = text.overflowed ? used : text.used;
	}
	used = rk_text_valid_utf8((struct rk_bytes){order->pointer, used});
	order->pointer[used] = '\0';
}

static bool refuse_type(struct rk_admin_order *order, const char *expected, const json_t *found)
{
	(void)snprintf(order->detail, sizeof(order->detail), "expected %s, found %s", expected,
		       rk_jansson_type_name(found));
	return refuse_at(order, order->detail);
}

/* In the words of POST /rank. */
static const char *malformed_detail(const json_error_t *error)
{
	static const struct {
		enum json_error_code code;
		const char *detail;
	} details[] = {
		{json_error_duplicate_key, "an object has a key twice"},
		{json_error_numeric_overflow, "a number is out of range"},
		{json_error_end_of_input_expected, "there is more after the end of the value"},
		{json_error_premature_end_of_input, "the body ends too early"},
	};
	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
		if (details[i].code == json_error_code(error))
			return details[i].detail;
	return "invalid syntax";
}

static bool read_members(json_t *object, struct rk_admin_order *order)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		point_to(order, key);
		if (strcmp(key, "version") != 0)
			return refuse_at(order, "unknown field; the only one is version");
		if (json_is_null(value))
			continue;
		if (!json_is_integer(value))
			return refuse_type(order, "an integer", value);
		if (json_integer_value(value) < 1)
			return refuse_at(order, "expected an integer of at least 1");
		order->number = (uint64_t)json_integer_value(value);
	}
	return true;
}

static bool is_blank(struct rk_bytes body)
{
	for (size_t i = 0; i < body.size; i++)
		if (memchr(" \t\r\n", body.data[i], 4) == NULL)
			return false;
	return true;
}

bool rk_admin_request_read(struct rk_bytes body, struct rk_admin_order *ret_order)
{
	*ret_order = (struct rk_admin_order){0};
	if (is_blank(body))
		return true;
	json_error_t error;
	json_t *value = json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (value == NULL) {
		(void)refuse(ret_order, RK_PROBLEM_MALFORMED_JSON, malformed_detail(&error));
		ret_order->refusal.has_offset = true;
		ret_order->refusal.offset = (uint64_t)(error.position > 0 ? error.position : 0);
		return false;
	}
	bool is_good =
		json_is_object(value) ? read_members(value, ret_order) : refuse_type(ret_order, "an object", value);
	json_decref(value);
	return is_good;
}
