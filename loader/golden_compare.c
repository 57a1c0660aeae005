/* Both lists of items are sorted by id and place, and then walked side by side. */
#include "loader/golden_compare.h"

#include "loader/foreign.h"
#include "model/base/pages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* An id as it is written. */
static struct rk_json_shown show_id(const json_t *id)
{
	struct rk_json_shown shown;
	enum { MAX_SHOWN_BYTES = 64 };
	if (!json_is_string(id))
		return rk_json_show(id);
	struct rk_bytes text = rk_json_text(id);
	text.size = text.size < MAX_SHOWN_BYTES ? text.size : MAX_SHOWN_BYTES;
	(void)snprintf(shown.text, sizeof(shown.text), "\"%.64s\"", rk_foreign_show(text).text);
	return shown;
}

/* ---- numbers ---- */

static enum rk_status fail_differs(const char *field, const json_t *expected, const json_t *found,
				   const struct rk_golden_tally *tally, struct rk_error *reterr)
{
	return rk_error_set(reterr, RK_MISMATCH, "%s: expected %s, found %s (tolerance %g)", field,
			    rk_json_show(expected).text, rk_json_show(found).text, tally->tolerance);
}

static enum rk_status compare_number(const char *field, const json_t *expected, const json_t *found,
				     struct rk_golden_tally *tally, struct rk_error *reterr)
{
	if (json_is_null(expected))
		return found == NULL || json_is_null(found) ? RK_OK
							    : fail_differs(field, expected, found, tally, reterr);
	if (!json_is_number(expected))
		return rk_error_set(reterr, RK_INVALID, "%s: expected a number or null in `expected`, found %s", field,
				    rk_json_show(expected).text);
	if (!json_is_number(found))
		return fail_differs(field, expected, found, tally, reterr);
	double wanted = json_number_value(expected);
	double error = fabs(json_number_value(found) - wanted) / fmax(1, fabs(wanted));
	if (!(error <= tally->tolerance))
		return fail_differs(field, expected, found, tally, reterr);
	tally->max_error = fmax(tally->max_error, error);
	return RK_OK;
}

static enum rk_status compare_map(const char *field, json_t *expected, const json_t *found,
				  struct rk_golden_tally *tally, struct rk_error *reterr)
{
	if (json_is_null(expected))
		return compare_number(field, expected, found, tally, reterr);
	if (!json_is_object(expected))
		return rk_error_set(reterr, RK_INVALID, "%s: expected an object or null in `expected`, found %s", field,
				    rk_json_show(expected).text);
	const char *name;
	json_t *value;
	json_object_foreach(expected, name, value)
	{
		enum rk_status status = compare_number(rk_foreign_show(rk_bytes_of(name)).text, value,
						       json_object_get(found, name), tally, reterr);
		if (status != RK_OK)
			return rk_error_prefix(reterr, status, "%s", field);
	}
	return RK_OK;
}

static enum rk_status compare_flag(const char *field, const json_t *expected, const json_t *found,
				   struct rk_golden_tally *tally, struct rk_error *reterr)
{
	if (!json_is_boolean(expected))
		return rk_error_set(reterr, RK_INVALID, "%s: expected true or false in `expected`, found %s", field,
				    rk_json_show(expected).text);
	/* the reply leaves out what is false */
	return json_is_true(expected) == json_is_true(found) ? RK_OK
							     : fail_differs(field, expected, found, tally, reterr);
}

/* ---- items ---- */

static enum rk_status compare_field(const char *field, json_t *expected, const json_t *found,
				    struct rk_golden_tally *tally, struct rk_error *reterr)
{
	if (strcmp(field, "item") == 0)
		return RK_OK;
	if (strcmp(field, "score") == 0)
		return compare_number(field, expected, found, tally, reterr);
	if (strcmp(field, "signals") == 0 || strcmp(field, "terms") == 0)
		return compare_map(field, expected, found, tally, reterr);
	if (strcmp(field, "unknown") == 0)
		return compare_flag(field, expected, found, tally, reterr);
	return rk_error_set(reterr, RK_INVALID, "%s: unknown key in `expected`",
			    rk_foreign_show(rk_bytes_of(field)).text);
}

static enum rk_status compare_item(json_t *expected, const json_t *found, struct rk_golden_tally *tally,
				   struct rk_error *reterr)
{
	const char *field;
	json_t *value;
	json_object_foreach(expected, field, value)
	{
		enum rk_status status = compare_field(field, value, json_object_get(found, field), tally, reterr);
		if (status != RK_OK)
			return rk_error_prefix(reterr, status, "item %s",
					       show_id(json_object_get(expected, "item")).text);
	}
	return RK_OK;
}

struct entry {
	json_t *item;
	const json_t *id;
	size_t place;
};

static int compare_ids(const json_t *a, const json_t *b)
{
	if (json_is_string(a) != json_is_string(b))
		return json_is_string(a) ? 1 : -1;
	if (json_is_string(a))
		return rk_bytes_compare(rk_json_text(a), rk_json_text(b));
	json_int_t x = json_integer_value(a), y = json_integer_value(b);
	return (x > y) - (x < y);
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = compare_ids(a->id, b->id);
	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static enum rk_status sort_items(const json_t *list, const char *owner, struct entry *ret_entries,
				 struct rk_error *reterr)
{
	size_t n = json_array_size(list);
	for (size_t i = 0; i < n; i++) {
		json_t *item = json_array_get(list, i);
		const json_t *id = json_object_get(item, "item");
		if (!json_is_string(id) && !json_is_integer(id))
			return rk_error_set(reterr, RK_INVALID, "%s: items[%zu].item: expected an id, found %s", owner,
					    i, rk_json_show(id).text);
		ret_entries[i] = (struct entry){item, id, i};
	}
	qsort(ret_entries, n, sizeof(*ret_entries), compare_entries);
	return RK_OK;
}

static enum rk_status compare_sorted(const struct entry *expected, size_t n_expected, const struct entry *found,
				     size_t n_found, struct rk_golden_tally *tally, struct rk_error *reterr)
{
	size_t j = 0;
	for (size_t i = 0; i < n_expected; i++, j++) {
		while (j < n_found && compare_ids(found[j].id, expected[i].id) < 0)
			j++;
		if (j == n_found || compare_ids(found[j].id, expected[i].id) != 0)
			return rk_error_set(reterr, RK_MISMATCH, "item %s: expected it in the reply, found nothing",
					    show_id(expected[i].id).text);
		enum rk_status status = compare_item(expected[i].item, found[j].item, tally, reterr);
		if (status != RK_OK)
			return status;
	}
	return RK_OK;
}

static enum rk_status compare_items(const json_t *expected, const json_t *found, struct rk_golden_tally *tally,
				    struct rk_error *reterr)
{
	if (!json_is_array(expected))
		return rk_error_set(reterr, RK_INVALID, "expected.items: expected a list, found %s",
				    rk_json_show(expected).text);
	if (!json_is_array(found))
		return rk_error_set(reterr, RK_INVALID, "reply: items: expected a list, found %s",
				    rk_json_show(found).text);
	size_t n_expected = json_array_size(expected), n_found = json_array_size(found);
	struct rk_pages pages;
	enum rk_status status = rk_pages_open(&pages, (n_expected + n_found) * sizeof(struct entry), reterr);
	if (status != RK_OK)
		return status;
	struct entry *entries = pages.base;
	if (n_expected > 0)
		status = sort_items(expected, "expected", entries, reterr);
	if (status == RK_OK && n_expected > 0)
		status = sort_items(found, "reply", entries + n_expected, reterr);
	if (status == RK_OK && n_expected > 0)
		status = compare_sorted(entries, n_expected, entries + n_expected, n_found, tally, reterr);
	rk_pages_close(&pages);
	return status;
}

/* ---- the rest ---- */

static enum rk_status compare_history(json_t *expected, const json_t *found, struct rk_error *reterr)
{
	if (!json_is_object(expected))
		return rk_error_set(reterr, RK_INVALID, "expected.history: expected an object, found %s",
				    rk_json_show(expected).text);
	const char *name;
	json_t *value;
	json_object_foreach(expected, name, value)
	{
		const json_t *other = json_object_get(found, name);
		if (!json_is_integer(value) || !json_is_integer(other) ||
		    json_integer_value(value) != json_integer_value(other))
			return rk_error_set(reterr, RK_MISMATCH, "history.%s: expected %s, found %s",
					    rk_foreign_show(rk_bytes_of(name)).text, rk_json_show(value).text,
					    rk_json_show(other).text);
	}
	return RK_OK;
}

enum rk_status rk_golden_compare(const json_t *expected, const json_t *reply, struct rk_golden_tally *tally,
				 struct rk_error *reterr)
{
	if (!json_is_object(expected))
		return rk_error_set(reterr, RK_INVALID, "expected: expected an object, found %s",
				    rk_json_show(expected).text);
	json_t *history = json_object_get(expected, "history");
	if (json_object_size(expected) != 1 + (size_t)(history != NULL))
		return rk_error_set(reterr, RK_INVALID, "expected: expected the keys items and history, found others");
	enum rk_status status =
		compare_items(json_object_get(expected, "items"), json_object_get(reply, "items"), tally, reterr);
	if (status == RK_OK && history != NULL)
		status = compare_history(history, json_object_get(reply, "history"), reterr);
	return status;
}
