/* Files beside a model, for the admin port. They are read when somebody asks: nothing here is on a request's way. */
#include "model/base/check.h"
#include "server/admin.h"
#include "server/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 1024 * 1024 };

/* Reads the start of a file in the folder of the version that serves, at most `size` bytes. */
static enum rk_admin_file read_file(struct rk_server *server, struct rk_bytes name, const char *file, char *buffer,
				    size_t size, struct rk_bytes *ret_bytes, uint64_t *ret_version)
{
	struct rk_registry *registry = atomic_load(&server->registry);
	bool is_known;
	struct rk_version *version = registry == NULL ? NULL : rk_registry_acquire(registry, name, &is_known);
	if (version == NULL)
		return RK_ADMIN_NO_MODEL;
	char path[sizeof(server->settings.models) + 128];
	(void)snprintf(path, sizeof(path), "%s/%s/%llu/%s", server->settings.models, version->name,
		       (unsigned long long)version->number, file);
	*ret_version = version->number;
	rk_registry_release(registry, version);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return RK_ADMIN_NO_FILE;
	size_t used = 0;
	ssize_t n;
	while (used < size && (n = read(fd, buffer + used, size - used)) > 0)
		used += (size_t)n;
	(void)close(fd);
	*ret_bytes = (struct rk_bytes){buffer, used};
	return RK_ADMIN_WRITTEN;
}

/* Sets the end of the text's memory aside for a file, so that the text can be written before it. */
static char *set_aside(struct rk_text *text)
{
	RK_ASSERT(text->size - text->used > MAX_FILE_BYTES);
	text->size -= MAX_FILE_BYTES;
	return text->data + text->size;
}

enum rk_admin_file rk_admin_write_report(struct rk_server *server, struct rk_bytes name, struct rk_text *text)
{
	struct rk_bytes report = {0};
	uint64_t version;
	enum rk_admin_file found =
		read_file(server, name, "report.md", set_aside(text), MAX_FILE_BYTES, &report, &version);
	if (found == RK_ADMIN_WRITTEN)
		rk_text_put(text, report.data, rk_text_valid_utf8(report));
	return found;
}

enum rk_admin_file rk_admin_write_warmup(struct rk_server *server, struct rk_bytes name, struct rk_text *text)
{
	struct rk_bytes rest = {0};
	uint64_t version;
	enum rk_admin_file found =
		read_file(server, name, "warmup.jsonl", set_aside(text), MAX_FILE_BYTES, &rest, &version);
	if (found != RK_ADMIN_WRITTEN)
		return found;
	rk_text_put_text(text, "{\"version\":");
	rk_text_put_unsigned(text, version);
	rk_text_put_text(text, ",\"requests\":[");
	bool is_first = true;
	const char *end;
	while (rest.size > 0 && (end = memchr(rest.data, '\n', rest.size)) != NULL) {
		struct rk_bytes line = {rest.data, (size_t)(end - rest.data)};
		rest = (struct rk_bytes){end + 1, rest.size - line.size - 1};
		if (line.size == 0)
			continue;
		rk_text_put_text(text, is_first ? "" : ",");
		rk_text_put_json_untrusted(text, line);
		is_first = false;
	}
	rk_text_put_text(text, "]}");
	return RK_ADMIN_WRITTEN;
}
