/* jansson as the judge of server/json: the same verdict on every text, and the same values. */
#ifndef RK_TESTS_JSON_ORACLE_H
#define RK_TESTS_JSON_ORACLE_H

#include "server/json.h"

/* NULL if both agree on the text, else what differs. *ret_is_valid is their verdict. */
const char *json_oracle_compare(struct rk_bytes text, bool *ret_is_valid);

#endif
