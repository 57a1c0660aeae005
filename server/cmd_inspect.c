/*
 * The folder is loaded whole, so that what inspect calls fine does load. Limits and the number of workers are the
 * server's defaults; the formula tells how to reckon with others.
 */
#include "server/cmd_inspect.h"

#include "loader/foreign.h"
#include "loader/registry_scan.h"
#include "loader/source.h"
#include "loader/version.h"
#include "server/footprint.h"
#include "server/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_REFUSED = 1 };

const struct rk_cli_command rk_cli_inspect = {
	.word = "inspect",
	.operands = "MODEL_DIR",
	.help = "show a model's tensors, used, dropped and missing, and the memory that serving takes",
};

#define WORD(name, text) text,
static const char *const encoder_types[] = {RK_ENCODER_TABLE(WORD)};
static const char *const activations[] = {RK_ACTIVATION_TABLE(WORD)};
static const char *const norm_orders[] = {RK_NORM_TABLE(WORD)};
static const char *const positions[] = {RK_POSITION_TABLE(WORD)};
static const char *const ranker_types[] = {RK_RANKER_TABLE(WORD)};
static const char *const reward_types[] = {RK_REWARD_TABLE(WORD)};
static const char *const precisions[] = {RK_PRECISION_TABLE(WORD)};
#undef WORD

/* ---- config ---- */

static void print_label(const char *label)
{
	(void)printf("%-12s", label);
}

static void print_encoder(const struct rk_config *config)
{
	const struct rk_encoder_config *encoder = &config->encoder;
	print_label("encoder");
	(void)printf("%s, dim %" PRIu32, encoder_types[encoder->type], config->dim);
	if (encoder->n_layers > 0)
		(void)printf(", %" PRIu32 " layers", encoder->n_layers);
	if (encoder->type == RK_ENCODER_SASREC)
		(void)printf(", %" PRIu32 " heads, ffn %" PRIu32 " %s, norm %s", encoder->n_heads, encoder->ffn,
			     activations[encoder->activation], norm_orders[encoder->norm]);
	(void)printf(", position %s%s\n", positions[encoder->position], encoder->use_actions ? ", actions" : "");
	print_label("history");
	(void)printf("%" PRIu32 " events, %" PRIu32 " actions, %" PRIu32 " derived\n", encoder->max_history,
		     config->actions.n, config->n_derived_actions);
}

static void print_feedback(const struct rk_config *config)
{
	static const char *const polarities[RK_N_POLARITIES] = {"positive", "negative"};
	print_label("feedback");
	bool any = false;
	for (int i = 0; i < RK_N_POLARITIES; i++) {
		if (!rk_config_attends(config, (enum rk_polarity)i))
			continue;
		(void)printf("%s%s %" PRIu32 " events", any ? ", " : "", polarities[i], config->feedback[i].max);
		any = true;
	}
	(void)printf("%s\n", any ? "" : "none attended");
}

static void print_sizes(const char *label, const uint32_t *sizes, uint32_t n)
{
	if (n == 0)
		return;
	(void)printf(", %s", label);
	for (uint32_t i = 0; i < n; i++)
		(void)printf(" %" PRIu32, sizes[i]);
}

static void print_ranker(const struct rk_config *config)
{
	const struct rk_ranker_config *ranker = &config->ranker;
	print_label("ranker");
	(void)printf("%s", ranker_types[ranker->type]);
	if (ranker->type != RK_RANKER_DOT)
		(void)printf(", input %" PRIu32 ", %s", rk_config_ranker_width(config),
			     activations[ranker->activation]);
	if (ranker->n_cross_layers > 0)
		(void)printf(", %" PRIu32 " cross layers", ranker->n_cross_layers);
	if (ranker->n_experts > 0)
		(void)printf(", %" PRIu32 " experts", ranker->n_experts);
	print_sizes("hidden", ranker->hidden, ranker->n_hidden);
	print_sizes("tower", ranker->tower_hidden, ranker->n_tower_hidden);
	if (ranker->attention_heads > 0)
		(void)printf(", target attention %" PRIu32 " heads", ranker->attention_heads);
	(void)printf("\n");
}

static void print_signals(const struct rk_config *config)
{
	print_label("signals");
	for (uint32_t i = 0; i < config->signals.n; i++)
		(void)printf("%s%s", i > 0 ? ", " : "", rk_foreign_show(config->signals.names[i]).text);
	(void)printf("\n");
	print_label("reward");
	(void)printf("%s", reward_types[config->reward.type]);
	if (config->reward.type == RK_REWARD_ODDS)
		(void)printf(" of %s", rk_foreign_show(config->signals.names[config->reward.signal]).text);
	for (uint32_t i = 0; i < config->signals.n; i++) {
		if (config->reward.has_weight[i])
			(void)printf(", %s %g", rk_foreign_show(config->signals.names[i]).text,
				     (double)config->reward.weights[i]);
	}
	(void)printf("\n");
}

static void print_config(const struct rk_version *version)
{
	const struct rk_config *config = &version->model.config;
	print_label("model");
	(void)printf("%s, version %" PRIu64 "%s%s\n", version->name, version->number, config->note.size > 0 ? ": " : "",
		     rk_foreign_show(config->note).text);
	print_label("items");
	(void)printf("%" PRIu32 ", ids are %s%s\n", version->ids.n_items,
		     version->ids.integers != NULL ? "integers" : "strings",
		     version->model.weights.unknown_item != NULL ? ", unknown ones are scored" : "");
	print_encoder(config);
	print_feedback(config);
	print_label("features");
	(void)printf("%" PRIu32 " of the user (%" PRIu32 " columns), %" PRIu32 " of a candidate (%" PRIu32 ")\n",
		     config->user_features.n, config->user_features.width, config->candidate_features.n,
		     config->candidate_features.width);
	print_ranker(config);
	print_signals(config);
	print_label("golden");
	(void)printf("tolerance %g, precision %s\n", config->golden_tolerance, precisions[config->precision]);
	print_label("file");
	(void)printf("%" PRIu64 " bytes, sha256 %s\n", version->report.file_bytes, version->report.sha256);
}

/* ---- tensors ---- */

static int widest_name(const struct rk_load_report *report)
{
	size_t widest = 0;
	for (uint32_t i = 0; i < report->n_tensors; i++)
		widest = report->tensors[i].name.size > widest ? report->tensors[i].name.size : widest;
	return (int)widest;
}

static void print_tensors(const struct rk_load_report *report, bool used)
{
	int width = widest_name(report);
	for (uint32_t i = 0; i < report->n_tensors; i++) {
		const struct rk_tensor_report *tensor = &report->tensors[i];
		if (tensor->used != used)
			continue;
		char shape[8 * 22 + 2] = "[";
		size_t at = 1;
		for (uint32_t k = 0; k < tensor->n_dims; k++)
			at += (size_t)snprintf(shape + at, sizeof(shape) - at, "%s%" PRIu64, k > 0 ? ", " : "",
					       tensor->dims[k]);
		(void)snprintf(shape + at, sizeof(shape) - at, "]");
		(void)printf("  %-*s  %-7s  %-16s  %12" PRIu64 "\n", width, rk_foreign_show(tensor->name).text,
			     tensor->dtype, shape, tensor->bytes);
	}
}

static void print_report(const struct rk_load_report *report)
{
	(void)printf("\nused: %" PRIu32 " tensors, %" PRIu64 " bytes\n", report->n_used, report->used_bytes);
	print_tensors(report, true);
	(void)printf("\ndropped, training-only: %" PRIu32 " tensors, %" PRIu64 " bytes\n", report->n_dropped,
		     report->dropped_bytes);
	print_tensors(report, false);
	(void)printf("\nmissing: none\n");
}

/* ---- command ---- */

static void print_fault(void *context, const char *message)
{
	(void)context;
	(void)printf("  %s\n", message);
}

/* Tells every fault of the binding; other faults have one line only. */
static void print_faults(const char *path)
{
	struct rk_source source;
	const struct rk_bind_listener listener = {print_fault, NULL};
	if (rk_source_open(&source, path, &(struct rk_source_options){.listener = &listener}, NULL) == RK_OK)
		rk_source_close(&source);
}

int rk_cmd_inspect(int argc, char **argv)
{
	static struct rk_settings settings; /* large */
	struct rk_cli_values values;
	int code = rk_cli_read(&rk_cli_inspect, argc, argv, &values);
	if (code != RK_CLI_GO_ON)
		return code;
	const char *path = values.operand;
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	uint64_t number;
	struct rk_error error = {.status = RK_OK};
	struct rk_version *version;
	rk_scan_guess(path, name, &number);
	rk_settings_default(&settings);
	struct rk_version_options options = {
		.limits = {.max_candidates = settings.max_candidates, .max_events = settings.max_history_events},
		.tier = rk_cpu_detect(),
		.n_workers = settings.workers,
	};
	if (rk_version_open(&version, path, name, number, &options, &error) != RK_OK) {
		print_faults(path);
		(void)fflush(stdout);
		(void)fprintf(stderr, "rankd inspect: %s: %s\n", path, error.message);
		return EXIT_REFUSED;
	}
	struct rk_footprint footprint;
	rk_footprint_predict(&settings, version, false, &footprint);
	print_config(version);
	print_report(&version->report);
	(void)printf("\n");
	rk_footprint_print(&footprint, &settings);
	rk_version_close(version);
	return 0;
}
