#include "server/openapi_text.h"

#include "model/base/check.h"
#include "server/request.h"
#include "server/settings_row.h"

static void put_number(struct rk_text *text, const struct rk_settings *settings, struct rk_bytes name)
{
	if (rk_bytes_equal(name, rk_bytes_of("max_reward_weight"))) {
		rk_text_put_unsigned(text, RK_MAX_REWARD_WEIGHT);
		return;
	}
	const struct rk_setting_row *row = rk_setting_rows;
	while (!rk_bytes_equal(rk_bytes_of(row->key), name))
		RK_ASSERT(++row < rk_setting_rows + rk_n_setting_rows);
	const void *value = rk_setting_member_of(row, settings);
	RK_ASSERT(row->kind == RK_SETTING_COUNT || row->kind == RK_SETTING_SIZE);
	rk_text_put_unsigned(text, row->kind == RK_SETTING_COUNT ? *(const uint32_t *)value : *(const size_t *)value);
}

void rk_openapi_put_in_force(struct rk_text *text, const struct rk_settings *settings, const char *template)
{
	for (const char *c = template; *c != '\0'; c++) {
		if (*c == '@') {
			const char *end = strchr(c + 1, '@');
			RK_ASSERT(end != NULL);
			put_number(text, settings, (struct rk_bytes){c + 1, (size_t)(end - c - 1)});
			c = end;
		} else {
			rk_text_put_char(text, *c == '\'' ? '"' : *c);
		}
	}
}

void rk_openapi_put(struct rk_text *text, const char *template)
{
	rk_openapi_put_in_force(text, NULL, template);
}

void rk_openapi_put_string(struct rk_text *text, const char *template, const char *value)
{
	rk_openapi_put(text, template);
	rk_text_put_json(text, rk_bytes_of(value));
}

static void put_choices(struct rk_text *text, const char *words)
{
	rk_text_put_text(text, "\"enum\":[\"");
	for (const char *c = words; *c != '\0'; c++)
		rk_text_put_text(text, *c == '|' ? "\",\"" : (const char[]){*c, '\0'});
	rk_text_put_text(text, "\"]");
}

static void put_range(struct rk_text *text, const struct rk_setting_row *row)
{
	rk_text_put_text(text, ",\"minimum\":");
	rk_text_put_unsigned(text, row->low);
	rk_text_put_text(text, ",\"maximum\":");
	rk_text_put_unsigned(text, row->high);
}

static void put_type(struct rk_text *text, const struct rk_setting_row *row)
{
	switch (row->kind) {
	case RK_SETTING_CHOICE:
		put_choices(text, row->unit);
		break;
	case RK_SETTING_TEXT:
	case RK_SETTING_NAME:
	case RK_SETTING_ADDRESS:
		rk_text_put_text(text, "\"type\":\"string\"");
		break;
	case RK_SETTING_COUNT:
		rk_text_put_text(text, "\"type\":\"integer\"");
		put_range(text, row);
		break;
	case RK_SETTING_SIZE:
		rk_text_put_text(text, "\"type\":[\"integer\",\"string\"]");
		put_range(text, row);
		break;
	case RK_SETTING_REAL:
		rk_text_put_text(text, "\"type\":\"number\"");
		put_range(text, row);
		break;
	case RK_SETTING_BOOLEAN:
		rk_text_put_text(text, "\"type\":\"boolean\"");
		break;
	}
}

static bool is_literal(const struct rk_setting_row *row)
{
	return row->kind == RK_SETTING_COUNT || row->kind == RK_SETTING_REAL || row->kind == RK_SETTING_BOOLEAN;
}

void rk_openapi_put_settings(struct rk_text *text)
{
	rk_text_put_text(text, "{\"type\":\"object\",\"additionalProperties\":false,\"description\":\"the config file; "
			       "each member is also a flag and an environment variable\",\"properties\":{");
	for (size_t i = 0; i < rk_n_setting_rows; i++) {
		const struct rk_setting_row *row = &rk_setting_rows[i];
		rk_openapi_put_string(text, i == 0 ? "" : ",", row->key);
		rk_text_put_text(text, ":{");
		put_type(text, row);
		if (row->fallback[0] != '\0' && is_literal(row)) {
			rk_text_put_text(text, ",\"default\":");
			rk_text_put_text(text, row->fallback);
		} else if (row->fallback[0] != '\0') {
			rk_openapi_put_string(text, ",\"default\":", row->fallback);
		}
		rk_openapi_put_string(text, ",\"x-unit\":", row->unit);
		rk_openapi_put_string(text, ",\"description\":", row->help);
		rk_text_put_char(text, '}');
	}
	rk_text_put_text(text, "}}");
}
