#include "tests/unit/server/json_kept.h"

#include <pthread.h>
#include <stdlib.h>

enum { MAX_KEPT = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *kept[MAX_KEPT];
static size_t n_kept;

static void drop(void)
{
	while (n_kept > 0)
		json_decref(kept[--n_kept]);
}

json_t *json_keep(json_t *value)
{
	if (value == NULL)
		return NULL;
	(void)pthread_mutex_lock(&lock);
	if (n_kept == 0)
		(void)atexit(drop);
	if (n_kept == MAX_KEPT)
		json_decref(kept[--n_kept]); /* nobody looks at so old a one */
	kept[n_kept++] = value;
	(void)pthread_mutex_unlock(&lock);
	return value;
}

json_t *json_kept(const char *text, size_t size)
{
	return json_keep(json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL));
}
