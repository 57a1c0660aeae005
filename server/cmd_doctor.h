/* `rankd doctor MODEL_DIR`: whether this machine is fit to serve the model, and what that will take. */
#ifndef RK_SERVER_CMD_DOCTOR_H
#define RK_SERVER_CMD_DOCTOR_H

#include "server/cli.h"

extern const struct rk_cli_command rk_cli_doctor;

/* Loads the folder, runs its golden and warm-up requests, measures for two seconds, and prints what it found, with the
 * settings that the environment, a config file and the flags give. Exit code: 0; 1 if the model does not load or a
 * limit of the system would keep it from being served as set; 2 for a wrong command line or setting. */
int rk_cmd_doctor(int argc, char **argv);

#endif
