/* Names of jansson's types in messages. */
#ifndef RK_SERVER_JANSSON_TYPE_H
#define RK_SERVER_JANSSON_TYPE_H

#include <jansson.h>

/* "an object", "an integer", "null" …: what stands after "found". */
const char *rk_jansson_type_name(const json_t *value);

#endif
