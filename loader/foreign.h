/* Foreign text: the UTF-8 check, and how names from files are shown in messages. */
#ifndef RK_LOADER_FOREIGN_H
#define RK_LOADER_FOREIGN_H

#include "model/base/span.h"

#include <stdbool.h>

enum { RK_FOREIGN_SHOWN_BYTES = 272 };

/* A copy of a foreign text for a message. */
struct rk_foreign_shown {
	char text[RK_FOREIGN_SHOWN_BYTES];
};

/* Whether the bytes are UTF-8: shortest forms only, no surrogates, at most U+10FFFF (RFC 3629). */
bool rk_foreign_is_utf8(struct rk_bytes text);

/* The text on one line: a byte below 0x20, 0x7f or outside UTF-8 becomes '?', and what is too long is cut between two
 * characters. */
struct rk_foreign_shown rk_foreign_show(struct rk_bytes text);

#endif
