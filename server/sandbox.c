#include "server/sandbox.h"

#include "server/log.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

void rk_sandbox_probe(struct rk_sandbox *ret_offered)
{
	*ret_offered = (struct rk_sandbox){0};
	if (IS_SANITIZED)
		return;
	ret_offered->landlock_abi = rk_sandbox_landlock_abi();
	ret_offered->has_filter = rk_sandbox_has_filters();
}

static void tell(const struct rk_sandbox *entered, const char *mode)
{
	const char *what = entered->landlock_abi > 0 && entered->has_filter ? "in force"
			   : entered->landlock_abi > 0                      ? "files only: no seccomp here"
			   : entered->has_filter                            ? "system calls only: no Landlock here"
			   : strcmp(mode, "off") == 0                       ? "off"
									    : "none: neither Landlock nor seccomp here";
	rk_log_with(RK_LOG_INFO, "sandbox", what, rk_log_integer("landlock_abi", entered->landlock_abi),
		    rk_log_boolean("seccomp", entered->has_filter), rk_log_unsigned("links", entered->n_links));
}

static enum rk_status enter(const struct rk_sandbox_options *options, const struct rk_sandbox *offered,
			    struct rk_sandbox *entered, struct rk_error *reterr)
{
	bool removes_files = options->sockets[0] != NULL || options->sockets[1] != NULL;
	enum rk_status status = RK_OK;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return rk_error_set(reterr, RK_IO, "no_new_privs: %s", strerror(errno));
	if (offered->landlock_abi > 0)
		status = rk_sandbox_restrict_files(options, offered->landlock_abi, &entered->n_links, reterr);
	if (status != RK_OK)
		return status;
	entered->landlock_abi = offered->landlock_abi;
	if (offered->has_filter)
		status = rk_sandbox_restrict_calls(removes_files, reterr);
	if (status == RK_OK)
		entered->has_filter = offered->has_filter;
	return status;
}

enum rk_status rk_sandbox_enter(const struct rk_sandbox_options *options, struct rk_sandbox *ret_entered,
				struct rk_error *reterr)
{
	struct rk_sandbox offered, entered = {0};
	enum rk_status status = RK_OK;
	rk_sandbox_probe(&offered);
	if (strcmp(options->mode, "on") == 0 && (offered.landlock_abi == 0 || !offered.has_filter))
		return rk_error_set(reterr, RK_IO, "sandbox: this kernel has no %s",
				    offered.landlock_abi == 0 ? "Landlock" : "seccomp filters");
	if (strcmp(options->mode, "off") != 0 && (offered.landlock_abi > 0 || offered.has_filter))
		status = enter(options, &offered, &entered, reterr);
	if (status != RK_OK)
		return rk_error_prefix(reterr, status, "sandbox");
	tell(&entered, options->mode);
	*ret_entered = entered;
	return RK_OK;
}
