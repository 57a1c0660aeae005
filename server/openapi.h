/*
 * GET /openapi.json: one OpenAPI 3.1 document of both ports, each path with the servers that answer it.
 *
 * It is written anew for each request from what the server itself goes by: the routes (server/route.h), the problems
 * (server/problem.h), the members that a body may have (struct rk_fields), the settings (server/settings.h) and the
 * limits in force. What no table knows, the shapes of answers and the examples, are the files in server/openapi/.
 */
#ifndef RK_SERVER_OPENAPI_H
#define RK_SERVER_OPENAPI_H

#include "server/text.h"

struct rk_server;

void rk_openapi_write(const struct rk_server *server, struct rk_text *text);

#endif
