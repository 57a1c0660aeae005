#include "server/embedded.h"

#include <stddef.h>

const struct rk_embedded *rk_embedded_find(const struct rk_embedded *files, struct rk_bytes name)
{
	for (; files->name != NULL; files++)
		if (rk_bytes_equal(rk_bytes_of(files->name), name))
			return files;
	return NULL;
}
