/* Where a listener stands: `host:port`, `[v6]:port`, `unix:/path` or `off`. Only the form is checked here;
 * names are resolved by whoever listens. */
#ifndef RK_SERVER_ADDRESS_H
#define RK_SERVER_ADDRESS_H

#include "model/base/status.h"

#include <stdint.h>

enum rk_address_kind { RK_ADDRESS_OFF, RK_ADDRESS_TCP, RK_ADDRESS_UNIX };

enum { RK_ADDRESS_TEXT_BYTES = 280 }; /* any address as text, with its NUL */

struct rk_address {
	enum rk_address_kind kind;
	char host[256]; /* TCP: name or number without brackets, never empty */
	uint16_t port;  /* TCP: 0 picks a free one */
	char path[108]; /* UNIX: absolute, as long as sockaddr_un holds with its NUL */
};

/* RK_INVALID says what is wrong with `text`. */
RK_NODISCARD enum rk_status rk_address_parse(const char *text, struct rk_address *ret_address, struct rk_error *reterr);

/* Writes the address in the form that rk_address_parse reads, NUL-terminated (RK_ADDRESS_TEXT_BYTES suffice). */
void rk_address_write(const struct rk_address *address, char *ret_text, size_t size);

#endif
