/* Private to server/openapi*.c: JSON as it is written in C strings. */
#ifndef RK_SERVER_OPENAPI_TEXT_H
#define RK_SERVER_OPENAPI_TEXT_H

#include "server/settings.h"
#include "server/text.h"

/* Writes the template with " for ' and numbers for names: @max_candidates@ is that setting's value in force (COUNT or
 * SIZE); @max_reward_weight@ is RK_MAX_REWARD_WEIGHT. Any other name is a caller's bug. */
void rk_openapi_put_in_force(struct rk_text *text, const struct rk_settings *settings, const char *template);

/* The same without a setting's name in it. */
void rk_openapi_put(struct rk_text *text, const char *template);

/* The template, then the value as a JSON string. */
void rk_openapi_put_string(struct rk_text *text, const char *template, const char *value);

/* "#/components/schemas/Settings": the config file, by the table of settings. */
void rk_openapi_put_settings(struct rk_text *text);

struct rk_server;

/* "paths": server/openapi_paths.c. */
void rk_openapi_put_paths(struct rk_text *text, const struct rk_server *server);

#endif
