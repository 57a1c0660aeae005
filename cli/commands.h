/* Every command: help, dispatch and completion read this table. */
#ifndef RK_CLI_COMMANDS_H
#define RK_CLI_COMMANDS_H

#include "server/cli.h"

struct rk_command {
	const struct rk_cli_command *cli;
	int (*run)(int argc, char **argv); /* argv[0] is the word; returns the exit code */
};

extern const struct rk_command rk_commands[];
extern const size_t rk_n_commands;

/* `rankd completion SHELL` (cli/completion.c): what makes the shell complete rankd's words, on standard output. */
extern const struct rk_cli_command rk_cli_completion;
int rk_cmd_completion(int argc, char **argv);

#endif
