/* `rankd validate MODEL_DIR`: loads a version and runs its golden and warm-up requests, as a server would before it
 * serves it. */
#ifndef RK_SERVER_CMD_VALIDATE_H
#define RK_SERVER_CMD_VALIDATE_H

#include "server/cli.h"

extern const struct rk_cli_command rk_cli_validate;

/* argv[0] is the word itself. Exit code: 0; 1 with the reason in one line on standard error; 2 for a wrong command
 * line. */
int rk_cmd_validate(int argc, char **argv);

#endif
