/* The table as rows, one parser a kind, and the defaults. Where values come from: settings_load.c, settings_file.c. */
#include "server/settings.h"

#include "model/base/check.h"
#include "server/settings_row.h"
#include "server/text.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>

const struct rk_setting_row rk_setting_rows[] = {
#define SETTING_ROW(name, kind, fallback, low, high, unit, help)                                                       \
	{#name, RK_SETTING_##kind, offsetof(struct rk_settings, name), fallback, low, high, unit, help},
	RK_SETTING_TABLE(SETTING_ROW)
#undef SETTING_ROW
};

const size_t rk_n_setting_rows = sizeof(rk_setting_rows) / sizeof(rk_setting_rows[0]);

const struct rk_setting_row *rk_setting_find(const char *key)
{
	for (size_t i = 0; i < rk_n_setting_rows; i++)
		if (strcmp(rk_setting_rows[i].key, key) == 0)
			return &rk_setting_rows[i];
	return NULL;
}

static enum rk_status parse_text(const struct rk_setting_row *row, const char *text, char *ret_text,
				 struct rk_error *reterr)
{
	size_t n = strlen(text);
	if (n < row->low || n > row->high)
		return rk_error_set(reterr, RK_INVALID, "expected a %s of %llu to %llu bytes", row->unit,
				    (unsigned long long)row->low, (unsigned long long)row->high);
	memcpy(ret_text, text, n + 1);
	return RK_OK;
}

static enum rk_status parse_name(const struct rk_setting_row *row, const char *text, char *ret_text,
				 struct rk_error *reterr)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	if (text[strspn(text, letters)] != '\0')
		return rk_error_set(reterr, RK_INVALID, "expected 1 to %llu of A-Z a-z 0-9 . _ -",
				    (unsigned long long)row->high);
	return parse_text(row, text, ret_text, reterr);
}

static enum rk_status parse_address(const struct rk_setting_row *row, const char *text, struct rk_address *ret_address,
				    struct rk_error *reterr)
{
	struct rk_address address;
	enum rk_status status = rk_address_parse(text, &address, reterr);
	if (status != RK_OK)
		return status;
	if (address.kind == RK_ADDRESS_OFF && row->high == 0)
		return rk_error_set(reterr, RK_INVALID, "expected host:port, [v6]:port or unix:/path");
	*ret_address = address;
	return RK_OK;
}

static enum rk_status parse_choice(const struct rk_setting_row *row, const char *text, char *ret_text,
				   struct rk_error *reterr)
{
	size_t n = strlen(text);
	for (const char *word = row->unit; word != NULL; word = strchr(word, '|')) {
		word += *word == '|';
		if (n > 0 && strcspn(word, "|") == n && strncmp(word, text, n) == 0) {
			memcpy(ret_text, text, n + 1);
			return RK_OK;
		}
	}
	return rk_error_set(reterr, RK_INVALID, "expected one of %s", row->unit);
}

/* Digits only: no sign, no space, no other base. False if there is none, or the number is too large. */
static bool parse_digits(const char *text, unsigned long long *ret_number, const char **ret_end)
{
	if (text[0] < '0' || text[0] > '9')
		return false;
	char *end;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	*ret_end = end;
	return errno == 0;
}

static enum rk_status parse_count(const struct rk_setting_row *row, const char *text, uint32_t *ret_count,
				  struct rk_error *reterr)
{
	unsigned long long number = 0;
	const char *end = text;
	if (!parse_digits(text, &number, &end) || *end != '\0' || number < row->low || number > row->high)
		return rk_error_set(reterr, RK_INVALID, "expected a whole number from %llu to %llu (%s)",
				    (unsigned long long)row->low, (unsigned long long)row->high, row->unit);
	*ret_count = (uint32_t)number;
	return RK_OK;
}

static bool parse_size_suffix(const char *suffix, unsigned *ret_shift)
{
	static const struct {
		const char *suffix;
		unsigned shift;
	} suffixes[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (strcmp(suffix, suffixes[i].suffix) == 0) {
			*ret_shift = suffixes[i].shift;
			return true;
		}
	}
	return false;
}

static enum rk_status parse_size(const struct rk_setting_row *row, const char *text, size_t *ret_size,
				 struct rk_error *reterr)
{
	unsigned long long number = 0;
	const char *end = text;
	unsigned shift = 0;
	bool fits = parse_digits(text, &number, &end) && parse_size_suffix(end, &shift) && number <= row->high;
	if (!fits || (number << shift) < row->low || (number << shift) > row->high)
		return rk_error_set(reterr, RK_INVALID,
				    "expected a size from %llu to %llu bytes (also as KiB, MiB, GiB)",
				    (unsigned long long)row->low, (unsigned long long)row->high);
	*ret_size = (size_t)(number << shift);
	return RK_OK;
}

static enum rk_status parse_real(const struct rk_setting_row *row, const char *text, double *ret_real,
				 struct rk_error *reterr)
{
	char *end = NULL;
	double real = strtod(text, &end);
	bool plain = text[0] != '\0' && text[strspn(text, "0123456789.eE+-")] == '\0' && *end == '\0';
	if (!plain || !isfinite(real) || real < (double)row->low || real > (double)row->high)
		return rk_error_set(reterr, RK_INVALID, "expected a number from %llu to %llu (%s)",
				    (unsigned long long)row->low, (unsigned long long)row->high, row->unit);
	*ret_real = real;
	return RK_OK;
}

static enum rk_status parse_boolean(const char *text, bool *ret_boolean, struct rk_error *reterr)
{
	bool is_true = strcmp(text, "true") == 0;
	if (!is_true && strcmp(text, "false") != 0)
		return rk_error_set(reterr, RK_INVALID, "expected true or false");
	*ret_boolean = is_true;
	return RK_OK;
}

enum rk_status rk_setting_parse(const struct rk_setting_row *row, const char *text, struct rk_settings *settings,
				struct rk_error *reterr)
{
	void *member = rk_setting_member(row, settings);
	switch (row->kind) {
	case RK_SETTING_TEXT:
		return parse_text(row, text, member, reterr);
	case RK_SETTING_NAME:
		return parse_name(row, text, member, reterr);
	case RK_SETTING_ADDRESS:
		return parse_address(row, text, member, reterr);
	case RK_SETTING_CHOICE:
		return parse_choice(row, text, member, reterr);
	case RK_SETTING_COUNT:
		return parse_count(row, text, member, reterr);
	case RK_SETTING_SIZE:
		return parse_size(row, text, member, reterr);
	case RK_SETTING_REAL:
		return parse_real(row, text, member, reterr);
	case RK_SETTING_BOOLEAN:
		return parse_boolean(text, member, reterr);
	}
	return RK_INVALID;
}

enum { SHOWN_BYTES = 64 }; /* of a value in a message */

/* The value as a message shows it: quoted, escaped, cut with its length behind. */
static void show(const char *value, char *ret_text, size_t size)
{
	size_t n = strlen(value);
	struct rk_text text;
	rk_text_init(&text, ret_text, size - 1);
	rk_text_put_json_untrusted(&text, (struct rk_bytes){value, n < SHOWN_BYTES ? n : SHOWN_BYTES});
	if (n > SHOWN_BYTES) {
		rk_text_put_text(&text, "… of ");
		rk_text_put_unsigned(&text, n);
		rk_text_put_text(&text, " bytes");
	}
	RK_ASSERT(!text.overflowed);
	ret_text[text.used] = '\0';
}

enum rk_status rk_settings_set(struct rk_settings *settings, const char *where, const char *key, const char *text,
			       struct rk_error *reterr)
{
	const struct rk_setting_row *row = rk_setting_find(key);
	if (row == NULL)
		return rk_error_set(reterr, RK_NOT_FOUND, "%s: %s: no such setting", where, key);
	struct rk_error reason;
	enum rk_status status = rk_setting_parse(row, text, settings, &reason);
	if (status == RK_OK)
		return RK_OK;
	char found[6 * SHOWN_BYTES + 64]; /* an escape takes at most six bytes */
	show(text, found, sizeof(found));
	return rk_error_set(reterr, status, "%s: %s: %s, found %s", where, key, reason.message, found);
}

static uint32_t usable_cores(void)
{
	cpu_set_t cores;
	int n = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
	return n < 1 ? 1 : n > 256 ? 256 : (uint32_t)n;
}

void rk_settings_default(struct rk_settings *ret_settings)
{
	memset(ret_settings, 0, sizeof(*ret_settings));
	for (size_t i = 0; i < rk_n_setting_rows; i++) {
		const struct rk_setting_row *row = &rk_setting_rows[i];
		if (row->fallback[0] != '\0')
			RK_ASSERT(rk_setting_parse(row, row->fallback, ret_settings, NULL) == RK_OK);
	}
	ret_settings->workers = usable_cores();
}
