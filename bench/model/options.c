/* A flag is a row: how to read its value, and what to say about it. */
#include "bench/model/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum rk_status parse_number(const char *text, double least, double greatest, double *ret_number,
				   struct rk_error *reterr)
{
	char *end = NULL;
	const double number = strtod(text, &end);
	const bool is_plain = text[0] >= '0' && text[0] <= '9' && *end == '\0' && isfinite(number);
	if (!is_plain || number < least || number > greatest)
		return rk_error_set(reterr, RK_INVALID, "expected a number from %.15g to %.15g, found %s", least,
				    greatest, text);
	*ret_number = number;
	return RK_OK;
}

static enum rk_status parse_count(const char *text, uint32_t least, uint32_t greatest, uint32_t *ret_count,
				  struct rk_error *reterr)
{
	double number = 0;
	if (text[strspn(text, "0123456789")] != '\0')
		return rk_error_set(reterr, RK_INVALID, "expected a whole number, found %s", text);
	const enum rk_status status = parse_number(text, least, greatest, &number, reterr);
	if (status == RK_OK)
		*ret_count = (uint32_t)number;
	return status;
}

static enum rk_status take_sizes(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr)
{
	options->n_sizes = 0;
	for (;;) {
		char one[16] = "";
		const size_t size = strcspn(text, ",");
		if (options->n_sizes == RK_MODEL_BENCH_MAX_SIZES)
			return rk_error_set(reterr, RK_INVALID, "expected at most %d sizes", RK_MODEL_BENCH_MAX_SIZES);
		memcpy(one, text, size < sizeof(one) ? size : sizeof(one) - 1);
		const enum rk_status status =
			parse_count(one, 1, RK_MODEL_BENCH_MAX_CANDIDATES, &options->sizes[options->n_sizes], reterr);
		if (status != RK_OK)
			return status;
		options->n_sizes++;
		if (text[size] == '\0')
			return RK_OK;
		text += size + 1;
	}
}

static enum rk_status take_bodies(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr)
{
	(void)reterr;
	options->bodies = text;
	return RK_OK;
}

static enum rk_status take_cpu(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr)
{
	(void)reterr;
	options->cpu = text;
	return RK_OK;
}

static enum rk_status take_json(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr)
{
	(void)reterr;
	options->json = text;
	return RK_OK;
}

static enum rk_status take_replies(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr)
{
	(void)reterr;
	options->replies = text;
	return RK_OK;
}

static enum rk_status take_repeat(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr)
{
	return parse_count(text, 1, RK_MODEL_BENCH_MAX_REPEAT, &options->repeat, reterr);
}

static enum rk_status take_seconds(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr)
{
	return parse_number(text, 0.001, 60, &options->seconds, reterr);
}

static enum rk_status take_core(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr)
{
	uint32_t core = 0;
	const enum rk_status status = parse_count(text, 0, 1023, &core, reterr);
	if (status == RK_OK)
		options->core = (int32_t)core;
	return status;
}

static const struct {
	const char *flag, *value;
	enum rk_status (*take)(struct rk_model_bench_options *options, const char *text, struct rk_error *reterr);
	const char *help;
} flags[] = {
	{"bodies", "FILE", take_bodies, "/rank requests, one a line (default: the folder's warmup.jsonl)"},
	{"candidates", "N,N...", take_sizes,
	 "cut from each body's own, or repeated (default: as the bodies have them)"},
	{"cpu", "TIER", take_cpu, "auto, scalar, avx2, avx512 or amx (default: auto)"},
	{"repeat", "N", take_repeat, "measurements of each size, of which the median counts (default: 7)"},
	{"seconds", "S", take_seconds, "of each measurement (default: 0.3)"},
	{"core", "N", take_core, "to run on (default: where it happens to be)"},
	{"json", "FILE", take_json, "write the report as JSON too"},
	{"replies", "FILE", take_replies, "write the answer to each body, one a line"},
};
enum { N_FLAGS = sizeof(flags) / sizeof(flags[0]) };

void rk_model_bench_options_write_help(FILE *stream)
{
	(void)fputs("rankd bench model MODEL_DIR [FLAG ...]\n"
		    "Requests ranked in this process on one core, without HTTP: microseconds a stage.\n",
		    stream);
	for (size_t i = 0; i < N_FLAGS; i++)
		(void)fprintf(stream, "  --%-12s %-8s %s\n", flags[i].flag, flags[i].value, flags[i].help);
}

static size_t find(const char *name)
{
	const size_t size = strcspn(name, "=");
	size_t i = 0;
	while (i < N_FLAGS && !(strlen(flags[i].flag) == size && strncmp(flags[i].flag, name, size) == 0))
		i++;
	return i;
}

/* Takes the flag at *at, and moves *at to its value where that stands apart. */
static enum rk_status take_flag(struct rk_model_bench_options *options, int n, char *const *arguments, int *at,
				struct rk_error *reterr)
{
	const char *argument = arguments[*at];
	const size_t i = find(argument + 2);
	if (i == N_FLAGS)
		return rk_error_set(reterr, RK_INVALID, "unknown flag %s (see --help)", argument);
	const char *value = strchr(argument, '=');
	if (value != NULL)
		value++;
	else if (*at + 1 < n)
		value = arguments[++*at];
	if (value == NULL || value[0] == '\0')
		return rk_error_set(reterr, RK_INVALID, "--%s: expected a value", flags[i].flag);
	const enum rk_status status = flags[i].take(options, value, reterr);
	return status == RK_OK ? RK_OK : rk_error_prefix(reterr, status, "--%s", flags[i].flag);
}

enum rk_status rk_model_bench_options_parse(int n, char *const *arguments, struct rk_model_bench_options *ret_options,
					    struct rk_error *reterr)
{
	struct rk_model_bench_options options = {.n_sizes = 1, .cpu = "auto", .repeat = 7, .seconds = 0.3, .core = -1};
	for (int i = 0; i < n; i++)
		options.help = options.help || strcmp(arguments[i], "--help") == 0;
	for (int i = 0; i < n && !options.help; i++) {
		if (strncmp(arguments[i], "--", 2) == 0) {
			const enum rk_status status = take_flag(&options, n, arguments, &i, reterr);
			if (status != RK_OK)
				return status;
			continue;
		}
		if (options.model != NULL)
			return rk_error_set(reterr, RK_INVALID, "expected one folder, found %s and %s", options.model,
					    arguments[i]);
		options.model = arguments[i];
	}
	if (options.model == NULL && !options.help)
		return rk_error_set(reterr, RK_INVALID, "expected the folder of a model's version");
	*ret_options = options;
	return RK_OK;
}
