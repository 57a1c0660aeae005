/* The body of POST /v1/models/{name}/reload: {"version": N}, or nothing, {} or a null for the newest. */
#ifndef RK_SERVER_ADMIN_REQUEST_H
#define RK_SERVER_ADMIN_REQUEST_H

#include "server/guard.h"

/* What the body asks for, or why it is refused. */
struct rk_admin_order {
	uint64_t number; /* 0: the newest that loads */
	struct rk_refusal refusal;
	char pointer[96]; /* what refusal.pointer points to, if it does */
	char detail[96];  /* likewise */
};

/* False: ret_order->refusal holds (400 with an offset, or 422 with a pointer). */
bool rk_admin_request_read(struct rk_bytes body, struct rk_admin_order *ret_order);

#endif
