/* The table as text: --print-config and --help. */
#include "model/base/check.h"
#include "server/settings.h"
#include "server/settings_row.h"
#include "server/text.h"

#include <stdio.h>
#include <string.h>

static void put_real(struct rk_text *text, double real)
{
	char digits[32];
	int n = 0;
	for (int precision = 1; precision <= 17; precision++) { /* the shortest that reads back to the same double */
		double back = 0;
		n = snprintf(digits, sizeof(digits), "%.*g", precision, real);
		bool is_plain = real < 1 || strchr(digits, 'e') == NULL; /* 20, not 2e+01 */
		if (is_plain && sscanf(digits, "%lf", &back) == 1 && back == real)
			break;
	}
	rk_text_put(text, digits, (size_t)n);
}

static void put_value(struct rk_text *text, const struct rk_setting_row *row, const void *member)
{
	char address[RK_ADDRESS_TEXT_BYTES];
	switch (row->kind) {
	case RK_SETTING_TEXT:
	case RK_SETTING_NAME:
	case RK_SETTING_CHOICE:
		rk_text_put_json_untrusted(text, rk_bytes_of(member));
		break;
	case RK_SETTING_ADDRESS:
		rk_address_write(member, address, sizeof(address));
		rk_text_put_json_untrusted(text, rk_bytes_of(address));
		break;
	case RK_SETTING_COUNT:
		rk_text_put_unsigned(text, *(const uint32_t *)member);
		break;
	case RK_SETTING_SIZE:
		rk_text_put_unsigned(text, *(const size_t *)member);
		break;
	case RK_SETTING_REAL:
		put_real(text, *(const double *)member);
		break;
	case RK_SETTING_BOOLEAN:
		rk_text_put_text(text, *(const bool *)member ? "true" : "false");
		break;
	}
}

static size_t finish(struct rk_text *text)
{
	rk_text_put_char(text, '\0');
	RK_ASSERT(!text->overflowed);
	return text->used - 1;
}

size_t rk_settings_write(const struct rk_settings *settings, char *ret_text, size_t size)
{
	struct rk_text text;
	rk_text_init(&text, ret_text, size);
	for (size_t i = 0; i < rk_n_setting_rows; i++) {
		const struct rk_setting_row *row = &rk_setting_rows[i];
		rk_text_put_text(&text, i == 0 ? "{\n  \"" : ",\n  \"");
		rk_text_put_text(&text, row->key);
		rk_text_put_text(&text, "\": ");
		put_value(&text, row, rk_setting_member_of(row, settings));
	}
	rk_text_put_text(&text, "\n}\n");
	return finish(&text);
}

/* "(default 50, 1 to 60000 ms)" */
static void put_range(struct rk_text *text, const struct rk_setting_row *row)
{
	bool is_number = row->kind == RK_SETTING_COUNT || row->kind == RK_SETTING_REAL || row->kind == RK_SETTING_SIZE;
	const char *separator = " (";
	if (row->fallback[0] != '\0') {
		rk_text_put_text(text, " (default ");
		rk_text_put_text(text, row->fallback);
		separator = "; ";
	}
	if (is_number) {
		rk_text_put_text(text, separator);
		rk_text_put_unsigned(text, row->low);
		rk_text_put_text(text, " to ");
		rk_text_put_unsigned(text, row->high);
		rk_text_put_char(text, ' ');
		rk_text_put_text(text, row->unit);
	}
	rk_text_put_text(text, is_number || row->fallback[0] != '\0' ? ")\n" : "\n");
}

static void put_flag(struct rk_text *text, const char *key, const char *unit, const char *help)
{
	enum { HELP_COLUMN = 44 };
	size_t start = text->used;
	rk_text_put_text(text, "  --");
	for (const char *c = key; *c != '\0'; c++)
		rk_text_put_char(text, *c == '_' ? '-' : *c);
	rk_text_put_char(text, ' ');
	rk_text_put_text(text, unit);
	do
		rk_text_put_char(text, ' ');
	while (text->used - start < HELP_COLUMN);
	rk_text_put_text(text, help);
}

size_t rk_settings_write_help(char *ret_text, size_t size)
{
	struct rk_text text;
	rk_text_init(&text, ret_text, size);
	put_flag(&text, "config", "file", "JSON object of settings: the keys below with _ for -\n");
	put_flag(&text, "print_config", "", "show the values in force and end\n");
	put_flag(&text, "help", "", "show this and end\n");
	for (size_t i = 0; i < rk_n_setting_rows; i++) {
		put_flag(&text, rk_setting_rows[i].key, rk_setting_rows[i].unit, rk_setting_rows[i].help);
		put_range(&text, &rk_setting_rows[i]);
	}
	rk_text_put_text(&text, "Each is also an environment variable (--drain-delay: RANKD_DRAIN_DELAY). Precedence: "
				"flag, environment, file, default.\n");
	return finish(&text);
}
