#include "bench/load/options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_NUMBER, KIND_COUNT, KIND_FLAG };

struct option {
	const char *flag, *value, *help;
	double least, greatest;
	size_t offset;
	enum kind kind;
};

static const struct option options_table[] = {
#define OPTION(field, type, kind, flag, value, initial, least, greatest, help)                                         \
	{flag, value, help, least, greatest, offsetof(struct rk_load_options, field), KIND_##kind},
	RK_LOAD_OPTION_TABLE(OPTION)
#undef OPTION
};
enum { N_OPTIONS = sizeof(options_table) / sizeof(options_table[0]) };

static const struct rk_load_options defaults = {
#define INITIAL(field, type, kind, flag, value, initial, least, greatest, help) .field = initial,
	RK_LOAD_OPTION_TABLE(INITIAL)
#undef INITIAL
};

void rk_load_options_write_help(FILE *stream)
{
	(void)fputs(
		"rankd bench load --url URL (--bodies FILE | --ids LO-HI) (--rate R | --closed N) ...\n"
		"Open-loop load on a fixed schedule; latency from the intended instant to the answer's last byte.\n",
		stream);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option *option = &options_table[i];
		(void)fprintf(stream, "  --%-12s %-8s %s\n", option->flag, option->value, option->help);
	}
}

/* `text` is "name" or "name=value" */
static const struct option *find(const char *text)
{
	const size_t size = strcspn(text, "=");
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strlen(options_table[i].flag) == size && strncmp(options_table[i].flag, text, size) == 0)
			return &options_table[i];
	return NULL;
}

static enum rk_status parse_number(const struct option *option, const char *text, double *ret_number,
				   struct rk_error *reterr)
{
	char *end = NULL;
	const double number = strtod(text, &end);
	const bool is_plain = text[0] >= '0' && text[0] <= '9' && *end == '\0' && isfinite(number);
	const bool is_whole = option->kind != KIND_COUNT || floor(number) == number;
	if (!is_plain || !is_whole || number < option->least || number > option->greatest)
		return rk_error_set(reterr, RK_INVALID, "--%s: expected a %snumber from %.15g to %.15g, found %s",
				    option->flag, option->kind == KIND_COUNT ? "whole " : "", option->least,
				    option->greatest, text);
	*ret_number = number;
	return RK_OK;
}

static enum rk_status set_value(struct rk_load_options *options, const struct option *option, const char *text,
				struct rk_error *reterr)
{
	char *place = (char *)options + option->offset;
	if (option->kind == KIND_TEXT) {
		memcpy(place, &text, sizeof(text));
		return RK_OK;
	}
	double number = 0;
	const enum rk_status status = parse_number(option, text, &number, reterr);
	if (status != RK_OK)
		return status;
	const uint64_t count = (uint64_t)number;
	if (option->kind == KIND_COUNT)
		memcpy(place, &count, sizeof(count));
	else
		memcpy(place, &number, sizeof(number));
	return RK_OK;
}

static enum rk_status parse_flags(struct rk_load_options *options, int n, char *const *arguments,
				  struct rk_error *reterr)
{
	for (int i = 0; i < n; i++) {
		const struct option *option = strncmp(arguments[i], "--", 2) == 0 ? find(arguments[i] + 2) : NULL;
		if (option == NULL)
			return rk_error_set(reterr, RK_INVALID, "unknown argument %s (see --help)", arguments[i]);
		const char *value = strchr(arguments[i], '=');
		if (option->kind == KIND_FLAG) {
			const bool on = true;
			if (value != NULL)
				return rk_error_set(reterr, RK_INVALID, "--%s: expected no value", option->flag);
			memcpy((char *)options + option->offset, &on, sizeof(on));
			continue;
		}
		value = value != NULL ? value + 1 : (i + 1 < n ? arguments[++i] : NULL);
		if (value == NULL)
			return rk_error_set(reterr, RK_INVALID, "--%s: expected a value", option->flag);
		const enum rk_status status = set_value(options, option, value, reterr);
		if (status != RK_OK)
			return status;
	}
	return RK_OK;
}

static enum rk_status parse_ids(struct rk_load_options *options, struct rk_error *reterr)
{
	const char *text = options->ids;
	char *end = NULL;
	const bool begins = text[0] >= '0' && text[0] <= '9';
	errno = 0;
	const long long low = strtoll(text, &end, 10);
	const bool goes_on = begins && end[0] == '-' && end[1] >= '0' && end[1] <= '9';
	const long long high = goes_on ? strtoll(end + 1, &end, 10) : -1;
	if (!goes_on || *end != '\0' || errno != 0 || low > high)
		return rk_error_set(reterr, RK_INVALID, "--ids: expected LO-HI with 0 <= LO <= HI, found %s", text);
	options->id_low = (uint64_t)low;
	options->id_high = (uint64_t)high;
	return RK_OK;
}

/* What must and must not stand together. */
static enum rk_status check(const struct rk_load_options *options, struct rk_error *reterr)
{
	const struct {
		bool is_broken;
		const char *rule;
	} rules[] = {
		{options->url == NULL, "--url: expected a target"},
		{(options->bodies == NULL) == (options->ids == NULL), "expected one of --bodies and --ids"},
		{(options->rate > 0) == (options->closed > 0), "expected one of --rate and --closed"},
		{options->poisson && options->constant, "expected at most one of --poisson and --constant"},
		{options->closed > 0 && (options->poisson || options->constant), "--closed: has no arrivals to shape"},
		{options->candidates > 0 && options->mix_name != NULL,
		 "expected at most one of --candidates and --mix"},
		{options->ids == NULL && options->actions != NULL, "--actions: expected --ids beside it"},
	};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].is_broken)
			return rk_error_set(reterr, RK_INVALID, "%s", rules[i].rule);
	return RK_OK;
}

enum rk_status rk_load_options_parse(int n, char *const *arguments, struct rk_load_options *ret_options,
				     struct rk_error *reterr)
{
	struct rk_load_options options = defaults;
	enum rk_status status = parse_flags(&options, n, arguments, reterr);
	if (status == RK_OK && !options.help)
		status = check(&options, reterr);
	if (status == RK_OK && options.mix_name != NULL)
		status = rk_load_mix_parse(options.mix_name, &options.mix, reterr);
	if (status == RK_OK && options.ids != NULL)
		status = parse_ids(&options, reterr);
	if (status != RK_OK)
		return status;
	options.process = options.constant ? RK_LOAD_CONSTANT : RK_LOAD_POISSON;
	if (options.ids != NULL && options.mix_name == NULL && options.candidates == 0)
		options.candidates = 500;
	if (options.candidates > 0)
		options.mix = (struct rk_load_mix){.kind = RK_LOAD_MIX_FIXED, .n = (uint32_t)options.candidates};
	if (options.closed > 0)
		options.connections = options.closed;
	*ret_options = options;
	return RK_OK;
}
