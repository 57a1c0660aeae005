#include "cli/commands.h"

#if RK_WITH_BENCH
#include "bench/anytime/cmd_anytime.h"
#include "bench/load/cmd_load.h"
#include "bench/model/cmd_model.h"
#include "bench/replay/cmd_replay.h"
#endif
#include "server/cmd_doctor.h"
#include "server/cmd_inspect.h"
#include "server/cmd_rank.h"
#include "server/cmd_serve.h"
#include "server/cmd_validate.h"

#include <string.h>

/* ---- the commands that read their flags by themselves ---- */

static const struct rk_cli_command cli_serve = {
	.word = "serve",
	.operands = "",
	.help = "answer ranking requests over HTTP; --help shows the settings",
};

#if RK_WITH_BENCH
static const struct rk_cli_command cli_bench = {
	.word = "bench",
	.operands = "load|model|anytime",
	.help = "measure: load on a server, the time of a model by stage, the worth of a degraded order",
};

static const struct rk_cli_command cli_replay = {
	.word = "replay",
	.operands = "FILE",
	.help = "send recorded requests again and compare the answers",
};

/* `bench model` and `bench anytime` rank in this process; `bench load` is the client of a running server. */
static int run_bench(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "model") == 0)
		return rk_cmd_bench_model(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "anytime") == 0)
		return rk_cmd_bench_anytime(argc - 1, argv + 1);
	return rk_cmd_bench(argc, argv);
}
#endif

const struct rk_command rk_commands[] = {
	{&cli_serve, rk_cmd_serve},
	{&rk_cli_inspect, rk_cmd_inspect},
	{&rk_cli_validate, rk_cmd_validate},
	{&rk_cli_rank, rk_cmd_rank},
	{&rk_cli_doctor, rk_cmd_doctor},
#if RK_WITH_BENCH
	{&cli_bench, run_bench},
	{&cli_replay, rk_cmd_replay},
#endif
	{&rk_cli_completion, rk_cmd_completion},
};

const size_t rk_n_commands = sizeof(rk_commands) / sizeof(rk_commands[0]);
