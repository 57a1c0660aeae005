/* `rankd inspect MODEL_DIR`: what a version's folder holds and what serving it will take. */
#ifndef RK_SERVER_CMD_INSPECT_H
#define RK_SERVER_CMD_INSPECT_H

#include "server/cli.h"

extern const struct rk_cli_command rk_cli_inspect;

/* argv[0] is the word itself. Loads the folder like a server does (without golden and warm-up requests) and prints
 * config, tensors and memory on standard output. Exit code: 0; 1 with the reason in one line on standard error, and
 * every tensor that is missing, left over or of another shape on standard output; 2 for a wrong command line. */
int rk_cmd_inspect(int argc, char **argv);

#endif
