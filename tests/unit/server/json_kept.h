/* JSON documents that a test looks at: freed when the test ends. */
#ifndef RK_TESTS_JSON_KEPT_H
#define RK_TESTS_JSON_KEPT_H

#include <jansson.h>

/* Takes over the caller's reference and returns it; NULL: NULL. Any thread. */
json_t *json_keep(json_t *value);

/* Parses the text strictly (no key twice), or returns NULL. Any thread. */
json_t *json_kept(const char *text, size_t size);

#endif
