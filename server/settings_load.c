/* Where values come from, weakest first: defaults, the file named by --config, the environment, the flags. */
#include "model/base/check.h"
#include "server/settings.h"
#include "server/settings_row.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 1 << 20, MAX_KEY_BYTES = 64 };

static const char environment_prefix[] = "RANKD_";

/* One argument taken apart: --name, --name=value or --name value. */
struct flag {
	const char *text; /* as it stands on the command line */
	size_t name_bytes;
	const char *value; /* NULL: none */
	int n_arguments;   /* consumed */
};

static bool flag_is(const struct flag *flag, const char *name)
{
	return strlen(name) == flag->name_bytes && strncmp(flag->text, name, flag->name_bytes) == 0;
}

/* The row of --drain-delay, or NULL. */
static const struct rk_setting_row *row_of_flag(const struct flag *flag)
{
	char key[MAX_KEY_BYTES];
	size_t n = flag->name_bytes - 2;
	if (n >= sizeof(key))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		char c = flag->text[2 + i];
		if (c == '_') /* the flag is spelled with dashes only */
			return NULL;
		key[i] = c == '-' ? '_' : c;
	}
	key[n] = '\0';
	return rk_setting_find(key);
}

static bool is_boolean_word(const char *text)
{
	return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

static enum rk_status take_flag(int n_arguments, char *const *arguments, struct flag *ret_flag, struct rk_error *reterr)
{
	const char *text = arguments[0];
	size_t size = strcspn(text, "=");
	struct flag flag = {.text = text, .name_bytes = size, .n_arguments = 1};
	if (strcmp(text, "-h") != 0 && (strncmp(text, "--", 2) != 0 || size == 2))
		return rk_error_set(reterr, RK_INVALID, "command line: %s: expected a flag that begins with --", text);
	if (text[size] == '=')
		flag.value = text + size + 1;

	bool is_command = flag_is(&flag, "--print-config") || flag_is(&flag, "--help") || flag_is(&flag, "-h");
	if (is_command && flag.value != NULL)
		return rk_error_set(reterr, RK_INVALID, "command line: %.*s: takes no value", (int)size, text);
	if (!is_command && !flag_is(&flag, "--config") && row_of_flag(&flag) == NULL)
		return rk_error_set(reterr, RK_INVALID, "command line: %.*s: no such setting", (int)size, text);
	const struct rk_setting_row *row = is_command ? NULL : row_of_flag(&flag);
	bool is_boolean = row != NULL && row->kind == RK_SETTING_BOOLEAN;
	if (is_boolean && flag.value == NULL && (n_arguments < 2 || !is_boolean_word(arguments[1])))
		flag.value = "true";
	if (!is_command && flag.value == NULL) {
		if (n_arguments < 2 || strncmp(arguments[1], "--", 2) == 0)
			return rk_error_set(reterr, RK_INVALID, "command line: %.*s: needs a value", (int)size, text);
		flag.value = arguments[1];
		flag.n_arguments = 2;
	}
	*ret_flag = flag;
	return RK_OK;
}

/* First pass over the flags: what is asked for, and the file. Every flag's form is checked here. */
static enum rk_status scan_flags(int n_arguments, char *const *arguments, enum rk_settings_request *ret_request,
				 const char **ret_file, struct rk_error *reterr)
{
	enum rk_settings_request request = RK_SETTINGS_SERVE;
	struct flag flag;
	for (int i = 0; i < n_arguments; i += flag.n_arguments) {
		enum rk_status status = take_flag(n_arguments - i, arguments + i, &flag, reterr);
		if (status != RK_OK)
			return status;
		if (flag_is(&flag, "--config"))
			*ret_file = flag.value;
		else if (flag_is(&flag, "--help") || flag_is(&flag, "-h"))
			request = RK_SETTINGS_HELP;
		else if (flag_is(&flag, "--print-config") && request != RK_SETTINGS_HELP)
			request = RK_SETTINGS_PRINT_CONFIG;
	}
	*ret_request = request;
	return RK_OK;
}

/* Second pass: the values. */
static enum rk_status merge_flags(int n_arguments, char *const *arguments, struct rk_settings *settings,
				  struct rk_error *reterr)
{
	struct flag flag;
	for (int i = 0; i < n_arguments; i += flag.n_arguments) {
		enum rk_status status = take_flag(n_arguments - i, arguments + i, &flag, reterr);
		RK_ASSERT(status == RK_OK);
		const struct rk_setting_row *row = flag.text[1] == '-' ? row_of_flag(&flag) : NULL;
		if (row == NULL)
			continue;
		status = rk_settings_set(settings, "command line", row->key, flag.value, reterr);
		if (status != RK_OK)
			return status;
	}
	return RK_OK;
}

/* Kubernetes puts RANKD_SERVICE_HOST, RANKD_PORT, RANKD_PORT_8080_TCP_ADDR, … into every container of a namespace
 * where a service is called rankd (or rankd-something): they are no settings of ours, and no mistake of anybody. */
static bool is_service_link(const char *name, size_t size)
{
	static const char *const marks[] = {"_SERVICE_HOST", "_SERVICE_PORT", "_PORT"};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (memmem(name, size, marks[i], strlen(marks[i])) != NULL)
			return true;
	return false;
}

static enum rk_status merge_variable(const char *variable, struct rk_settings *settings, struct rk_error *reterr)
{
	size_t size = strcspn(variable, "=");
	size_t prefix = strlen(environment_prefix);
	char key[MAX_KEY_BYTES] = "";
	bool fits = size - prefix < sizeof(key) && variable[size] == '=';
	for (size_t i = prefix; fits && i < size; i++) {
		fits = islower((unsigned char)variable[i]) == 0;
		key[i - prefix] = (char)tolower((unsigned char)variable[i]);
	}
	if (fits && rk_setting_find(key) != NULL)
		return rk_settings_set(settings, "environment", key, variable + size + 1, reterr);
	if (is_service_link(variable, size))
		return RK_OK;
	return rk_error_set(reterr, RK_INVALID, "environment: %.*s: no such setting", (int)size, variable);
}

static enum rk_status merge_environment(char *const *environment, struct rk_settings *settings, struct rk_error *reterr)
{
	for (char *const *variable = environment; *variable != NULL; variable++) {
		if (strncmp(*variable, environment_prefix, strlen(environment_prefix)) != 0)
			continue;
		enum rk_status status = merge_variable(*variable, settings, reterr);
		if (status != RK_OK)
			return status;
	}
	return RK_OK;
}

static enum rk_status read_file(int fd, const char *path, char *ret_text, size_t *ret_bytes, struct rk_error *reterr)
{
	size_t used = 0;
	ssize_t n;
	do {
		n = read(fd, ret_text + used, MAX_FILE_BYTES + 1 - used);
		if (n < 0 && errno != EINTR)
			return rk_error_set(reterr, RK_IO, "%s: cannot read: %s", path, strerror(errno));
		used += n > 0 ? (size_t)n : 0;
	} while (n != 0 && used <= MAX_FILE_BYTES);
	if (used > MAX_FILE_BYTES)
		return rk_error_set(reterr, RK_LIMIT, "%s: larger than %d bytes", path, MAX_FILE_BYTES);
	*ret_bytes = used;
	return RK_OK;
}

static enum rk_status load_file(const char *path, struct rk_settings *settings, struct rk_error *reterr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return rk_error_set(reterr, RK_IO, "%s: cannot open: %s", path, strerror(errno));
	size_t size = 0;
	char *text = malloc(MAX_FILE_BYTES + 1);
	enum rk_status status = text == NULL ? rk_error_set(reterr, RK_NO_MEMORY, "%s: out of memory", path)
					     : read_file(fd, path, text, &size, reterr);
	if (status == RK_OK)
		status = rk_settings_merge_file(settings, path, (struct rk_bytes){text, size}, reterr);
	free(text);
	(void)close(fd);
	return status;
}

enum rk_status rk_settings_load(int n_arguments, char *const *arguments, char *const *environment,
				struct rk_settings *ret_settings, enum rk_settings_request *ret_request,
				struct rk_error *reterr)
{
	struct rk_settings settings;
	enum rk_settings_request request;
	const char *file = NULL;
	rk_settings_default(&settings);
	enum rk_status status = scan_flags(n_arguments, arguments, &request, &file, reterr);
	if (status == RK_OK && file != NULL)
		status = load_file(file, &settings, reterr);
	if (status == RK_OK)
		status = merge_environment(environment, &settings, reterr);
	if (status == RK_OK)
		status = merge_flags(n_arguments, arguments, &settings, reterr);
	if (status != RK_OK)
		return status;
	*ret_settings = settings;
	*ret_request = request;
	return RK_OK;
}
