/* Private to server/settings*.c: the table of settings as rows. */
#ifndef RK_SERVER_SETTINGS_ROW_H
#define RK_SERVER_SETTINGS_ROW_H

#include "server/settings.h"

enum rk_setting_kind {
	RK_SETTING_TEXT,
	RK_SETTING_NAME,
	RK_SETTING_ADDRESS,
	RK_SETTING_CHOICE,
	RK_SETTING_COUNT,
	RK_SETTING_SIZE,
	RK_SETTING_REAL,
	RK_SETTING_BOOLEAN
};

struct rk_setting_row {
	const char *key;
	enum rk_setting_kind kind;
	size_t offset;           /* in struct rk_settings */
	const char *fallback;    /* default as text; "": see RK_SETTING_TABLE */
	uint64_t low, high;      /* numbers: range; texts: bytes; addresses: high 1 allows off */
	const char *unit, *help; /* unit of a CHOICE: its words, separated by | */
};

extern const struct rk_setting_row rk_setting_rows[];
extern const size_t rk_n_setting_rows;

/* NULL if there is no such key. */
const struct rk_setting_row *rk_setting_find(const char *key);

/* Sets one row's member from text; the message is the reason alone. */
RK_NODISCARD enum rk_status rk_setting_parse(const struct rk_setting_row *row, const char *text,
					     struct rk_settings *settings, struct rk_error *reterr);

/* Address of the row's member. */
static inline void *rk_setting_member(const struct rk_setting_row *row, struct rk_settings *settings)
{
	return (char *)settings + row->offset;
}

static inline const void *rk_setting_member_of(const struct rk_setting_row *row, const struct rk_settings *settings)
{
	return (const char *)settings + row->offset;
}

#endif
