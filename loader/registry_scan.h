/* What lies in the models folder: <models>/<name>/<version>/. Links are followed; entries of other names are ignored.
 */
#ifndef RK_LOADER_REGISTRY_SCAN_H
#define RK_LOADER_REGISTRY_SCAN_H

#include "model/base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { RK_MAX_MODEL_NAME_BYTES = 64, RK_MAX_MODELS = 1024, RK_MAX_VERSIONS = 65536, RK_MAX_PATH_BYTES = 4096 };

/* 1–64 of [A-Za-z0-9._-], and neither "." nor "..". */
bool rk_scan_is_model_name(const char *name);

/* A decimal integer from 1 to INT64_MAX without leading zeros. */
bool rk_scan_parse_version(const char *text, uint64_t *ret_number);

/* Name and number of the version in folder `path`: the path's last two components, if they are those of a model and a
 * version, as written or else with links followed; otherwise the last one is the name ("model" if it cannot be) and
 * the number is 0. */
void rk_scan_guess(const char *path, char ret_name[RK_MAX_MODEL_NAME_BYTES + 1], uint64_t *ret_number);

struct rk_scan_names {
	uint32_t n;
	char (*names)[RK_MAX_MODEL_NAME_BYTES + 1]; /* sorted; free(3) it */
};

struct rk_scan_versions {
	uint32_t n;
	uint64_t *numbers; /* newest first; free(3) it */
};

/* Folders in `models` that may be models. RK_NOT_FOUND, RK_IO, RK_LIMIT, RK_NO_MEMORY. */
RK_NODISCARD enum rk_status rk_scan_models(struct rk_scan_names *ret_names, const char *models,
					   struct rk_error *reterr);

/* Folders in `models`/`name` that may be versions. */
RK_NODISCARD enum rk_status rk_scan_versions(struct rk_scan_versions *ret_versions, const char *models,
					     const char *name, struct rk_error *reterr);

#endif
