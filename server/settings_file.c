/* The config file: one JSON object, its keys those of the table. Each value is turned into the text that a flag would
 * have, once its JSON type fits the setting's kind, so that ranges are checked in one place. */
#include "server/jansson_type.h"
#include "server/settings.h"
#include "server/settings_row.h"

#include <jansson.h>
#include <stdio.h>

static const char *expected_type(enum rk_setting_kind kind)
{
	switch (kind) {
	case RK_SETTING_COUNT:
		return "a whole number";
	case RK_SETTING_SIZE:
		return "a whole number or a string";
	case RK_SETTING_REAL:
		return "a number";
	case RK_SETTING_BOOLEAN:
		return "a boolean";
	case RK_SETTING_TEXT:
	case RK_SETTING_NAME:
	case RK_SETTING_ADDRESS:
	case RK_SETTING_CHOICE:
		break;
	}
	return "a string";
}

static bool type_fits(enum rk_setting_kind kind, const json_t *value)
{
	switch (kind) {
	case RK_SETTING_COUNT:
		return json_is_integer(value);
	case RK_SETTING_SIZE:
		return json_is_integer(value) || json_is_string(value);
	case RK_SETTING_REAL:
		return json_is_number(value);
	case RK_SETTING_BOOLEAN:
		return json_is_boolean(value);
	case RK_SETTING_TEXT:
	case RK_SETTING_NAME:
	case RK_SETTING_ADDRESS:
	case RK_SETTING_CHOICE:
		break;
	}
	return json_is_string(value);
}

static enum rk_status merge_value(struct rk_settings *settings, const char *where, const char *key, const json_t *value,
				  struct rk_error *reterr)
{
	const struct rk_setting_row *row = rk_setting_find(key);
	if (row == NULL)
		return rk_error_set(reterr, RK_INVALID, "%s: %s: no such setting", where, key);
	if (!type_fits(row->kind, value))
		return rk_error_set(reterr, RK_INVALID, "%s: %s: expected %s, found %s", where, key,
				    expected_type(row->kind), rk_jansson_type_name(value));
	char number[64];
	if (json_is_string(value))
		return rk_settings_set(settings, where, key, json_string_value(value), reterr);
	if (json_is_boolean(value))
		return rk_settings_set(settings, where, key, json_is_true(value) ? "true" : "false", reterr);
	if (json_is_integer(value))
		(void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	else
		(void)snprintf(number, sizeof(number), "%.17g", json_real_value(value));
	return rk_settings_set(settings, where, key, number, reterr);
}

enum rk_status rk_settings_merge_file(struct rk_settings *settings, const char *where, struct rk_bytes text,
				      struct rk_error *reterr)
{
	json_error_t error;
	json_t *root = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (root == NULL)
		return rk_error_set(reterr, RK_MALFORMED, "%s: line %d: malformed JSON: %s", where, error.line,
				    error.text);
	enum rk_status status = RK_OK;
	const char *key;
	json_t *value;
	if (!json_is_object(root))
		status = rk_error_set(reterr, RK_INVALID, "%s: expected an object, found %s", where,
				      rk_jansson_type_name(root));
	json_object_foreach(root, key, value)
	{
		status = merge_value(settings, where, key, value, reterr);
		if (status != RK_OK)
			break;
	}
	json_decref(root);
	return status;
}
