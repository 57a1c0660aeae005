/*
 * The command line of one command as a table: its help, its completion and its reading come from the same rows.
 * `rankd serve` has a table of settings instead (server/settings.h).
 */
#ifndef RK_SERVER_CLI_H
#define RK_SERVER_CLI_H

#include <stdbool.h>
#include <stddef.h>

enum { RK_CLI_MAX_FLAGS = 8, RK_CLI_GO_ON = -1, RK_CLI_WRONG = 2 };

struct rk_cli_flag {
	const char *name;   /* with its dashes */
	const char *values; /* words parted by |, or what it is in capitals: FILE */
	const char *help;
};

struct rk_cli_command {
	const char *word;
	const char *operands; /* as the usage line shows them; "MODEL_DIR": exactly one, a folder */
	const char *help;     /* one line */
	const struct rk_cli_flag *flags;
	size_t n_flags; /* 0: none, or the command has a table of its own and reads it itself */
};

/* What the command line gives. */
struct rk_cli_values {
	const char *flags[RK_CLI_MAX_FLAGS]; /* in the table's order; NULL: not given */
	const char *operand;
};

/* Reads `--flag value`, `--flag=value` and one operand; argv[0] is the command's word. RK_CLI_GO_ON, or the exit code:
 * 0 after --help, RK_CLI_WRONG with the usage on standard error. */
int rk_cli_read(const struct rk_cli_command *command, int argc, char **argv, struct rk_cli_values *ret_values);

#endif
