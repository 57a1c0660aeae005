/* Files that are part of the program: server/embed.py makes them into constants when it is built. */
#ifndef RK_SERVER_EMBEDDED_H
#define RK_SERVER_EMBEDDED_H

#include "model/base/span.h"

struct rk_embedded {
	const char *name; /* without folders; NULL ends an array */
	const char *type; /* for Content-Type */
	const char *etag; /* in its quotes; other bytes have another */
	struct rk_bytes bytes;
};

/* What of /openapi.json does not depend on tables: server/openapi/. */
extern const struct rk_embedded rk_embedded_openapi[];

/* The pages at the root of the admin port: server/console/. */
extern const struct rk_embedded rk_embedded_console[];

/* NULL: no file has this name. */
const struct rk_embedded *rk_embedded_find(const struct rk_embedded *files, struct rk_bytes name);

#endif
