/*
 * What the process gives up before it reads the first byte of a model or of a request: with Landlock every file but
 * the models', with seccomp every system call that serving does not need. Whoever breaks in through a body or a model
 * file finds nothing to read, to write, to start or to connect to.
 *
 * Entered once, on the main thread, when the sockets are bound and no other thread runs; threads inherit it, and
 * nothing lifts it. What is refused fails with EPERM (EACCES for files) and ends nobody.
 */
#ifndef RK_SERVER_SANDBOX_H
#define RK_SERVER_SANDBOX_H

#include "model/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* What a kernel offers, or what is in force. */
struct rk_sandbox {
	int landlock_abi; /* 0: none */
	bool has_filter;  /* seccomp */
	uint32_t n_links; /* links below the models folder whose targets stay readable; 0 before it is entered */
};

struct rk_sandbox_options {
	const char *mode; /* the setting: "auto": as much as there is; "on": all of it, or RK_IO; "off" */
	/* Readable with all that is below, and what the links in its first three levels point to now. */
	const char *models;
	const char *sockets[2]; /* paths of Unix sockets that are removed at the end; NULL: none */
};

/* What this kernel offers; changes nothing. Nothing in a build with a sanitizer, whose reports need files. */
void rk_sandbox_probe(struct rk_sandbox *ret_offered);

/* Enters it. *ret_entered tells what is in force. */
RK_NODISCARD enum rk_status rk_sandbox_enter(const struct rk_sandbox_options *options, struct rk_sandbox *ret_entered,
					     struct rk_error *reterr);

/* ---- the two halves ---- */

/* server/sandbox_files.c. 0: there is no Landlock. */
int rk_sandbox_landlock_abi(void);
RK_NODISCARD enum rk_status rk_sandbox_restrict_files(const struct rk_sandbox_options *options, int abi,
						      uint32_t *ret_n_links, struct rk_error *reterr);

/* server/sandbox_calls.c */
bool rk_sandbox_has_filters(void);
RK_NODISCARD enum rk_status rk_sandbox_restrict_calls(bool removes_files, struct rk_error *reterr);

#endif
