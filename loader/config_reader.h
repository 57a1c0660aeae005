/*
 * config.json → struct rk_config. Every rule of docs/model-format.md, "config.json, key by key", stands in one table
 * (loader/config_keys.c); an error names the key's path, what was expected and what was found.
 *
 * Keys of another type of encoder, ranker or reward are checked for their type and then ignored: the fields are left
 * 0, as model/config.h says. The rules about a text's meaning (names that must be known, heads that must divide dim)
 * hold only where the key is used.
 */
#ifndef RK_LOADER_CONFIG_READER_H
#define RK_LOADER_CONFIG_READER_H

#include "model/base/arena.h"
#include "model/base/status.h"
#include "model/config.h"

enum { RK_MAX_CONFIG_BYTES = 4 << 20 };

/* Bytes of arena that reading a config.json of `json_bytes` takes at most. */
size_t rk_config_arena_bytes(size_t json_bytes);

/* Reads and checks. Everything the config points to lives in the arena. RK_MALFORMED: no JSON; RK_INVALID: breaks a
 * rule; RK_LIMIT; RK_NO_MEMORY. */
RK_NODISCARD enum rk_status rk_config_read(struct rk_config *ret_config, struct rk_bytes json, struct rk_arena *arena,
					   struct rk_error *reterr);

#endif
