/* `paths`: the table of paths, walked in its order. Nothing here knows a path or a model by name. */
#include "model/base/check.h"
#include "server/openapi_operations.h"
#include "server/openapi_text.h"
#include "server/server.h"

/* 414 and 431 are the HTTP library's own. */
enum { MAX_STATUS = 599, URI_TOO_LONG = 414, HEAD_TOO_LARGE = 431, VERSION_NOT_SUPPORTED = 505 };

static void put_reference(struct rk_text *text, const char *kind, struct rk_bytes name)
{
	rk_openapi_put(text, "{'$ref':'#/components/");
	rk_text_put_text(text, kind);
	rk_text_put_char(text, '/');
	rk_text_put(text, name.data, name.size);
	rk_openapi_put(text, "'}");
}

/* Calls rk_openapi_put(text, word, is_first) for each word between spaces. NULL has none. */
static void each_word(struct rk_text *text, const char *words,
		      void (*put_one)(struct rk_text *text, struct rk_bytes word, bool is_first))
{
	bool is_first = true;
	while (words != NULL && *words != '\0') {
		size_t n = strcspn(words, " ");
		put_one(text, (struct rk_bytes){words, n}, is_first);
		is_first = false;
		words += n + strspn(words + n, " ");
	}
}

static bool is_in(uint32_t problems, enum rk_problem problem, unsigned status)
{
	return (problems >> problem & 1) != 0 && rk_problem_status(problem) == status;
}

/* Examples of the answers with this status. */
static void put_examples(struct rk_text *text, const struct rk_openapi_operation *operation, const char *label,
			 const char *side, unsigned status)
{
	bool is_first = true;
	for (const struct rk_openapi_example *example = operation->examples; example != NULL && example->name != NULL;
	     example++) {
		if (status != 0 && example->status != status)
			continue;
		rk_openapi_put_string(text, is_first ? ",'examples':{" : ",", example->name);
		rk_openapi_put(text, ":{'$ref':'#/components/examples/");
		rk_text_put_text(text, label);
		rk_text_put_char(text, '.');
		rk_text_put_text(text, example->name);
		rk_text_put_text(text, side);
		rk_openapi_put(text, "'}");
		is_first = false;
	}
	if (!is_first)
		rk_openapi_put(text, "}");
}

static bool has_example(const struct rk_openapi_operation *operation, unsigned status)
{
	for (const struct rk_openapi_example *example = operation->examples; example != NULL && example->name != NULL;
	     example++)
		if (example->status == status)
			return true;
	return false;
}

/* A problem's response where the operation has examples of it; else the shared one suffices. */
static void put_problem_response(struct rk_text *text, const struct rk_openapi_operation *operation, const char *label,
				 unsigned status)
{
	char name[4];
	struct rk_text digits;
	rk_text_init(&digits, name, sizeof(name));
	rk_text_put_unsigned(&digits, status);
	struct rk_bytes number = {name, digits.used};
	if (!has_example(operation, status)) {
		put_reference(text, "responses", number);
		return;
	}
	rk_openapi_put(text, "{'description':'see the examples','content':{'application/problem+json':{'schema':"
			     "{'$ref':'#/components/schemas/Problem'}");
	put_examples(text, operation, label, ".answer", status);
	rk_openapi_put(text, "}}}");
}

static void put_header(struct rk_text *text, struct rk_bytes name, bool is_first)
{
	rk_openapi_put(text, is_first ? ",'headers':{'" : ",'");
	rk_text_put(text, name.data, name.size);
	rk_openapi_put(text, "':");
	put_reference(text, "headers", name);
}

static void put_good_response(struct rk_text *text, const struct rk_openapi_operation *operation, const char *label,
			      bool has_content)
{
	rk_openapi_put_string(text, "'200':{'description':", operation->summary);
	if (!has_content) {
		rk_openapi_put(text, "}");
		return;
	}
	each_word(text, operation->headers, put_header);
	rk_openapi_put(text, operation->headers == NULL ? ",'content':{" : "},'content':{");
	rk_text_put_json(text, rk_bytes_of(operation->media));
	rk_openapi_put(text, ":{'schema':");
	put_reference(text, "schemas", rk_bytes_of(operation->answer));
	put_examples(text, operation, label, ".answer", 200);
	rk_openapi_put(text,
		       operation->is_cached ? "}}},'304':{'description':'what the client has is still right'}" : "}}}");
}

/* All but 200. `operation` NULL: without content, as for HEAD and OPTIONS. */
static void put_problem_responses(struct rk_text *text, const struct rk_openapi_operation *operation, const char *label,
				  uint32_t problems)
{
	for (unsigned status = 400; status <= MAX_STATUS; status++) {
		bool is_met = status == VERSION_NOT_SUPPORTED || status == URI_TOO_LONG || status == HEAD_TOO_LARGE;
		for (int problem = 0; problem < RK_N_PROBLEMS; problem++)
			is_met = is_met || is_in(problems, (enum rk_problem)problem, status);
		if (!is_met)
			continue;
		rk_openapi_put(text, ",'");
		rk_text_put_unsigned(text, status);
		rk_openapi_put(text, "':");
		if (operation != NULL)
			put_problem_response(text, operation, label, status);
		else
			rk_openapi_put(text, "{'description':'as for the other method, without a body'}");
	}
}

static void put_parameter(struct rk_text *text, struct rk_bytes name, bool is_first)
{
	rk_openapi_put(text, is_first ? ",'parameters':[" : ",");
	put_reference(text, "parameters", name);
}

static void put_operation_id(struct rk_text *text, const char *method, const char *label, size_t index)
{
	rk_openapi_put(text, "'operationId':'");
	rk_text_put_text(text, method);
	rk_text_put_char(text, '_');
	rk_text_put_text(text, label);
	rk_text_put_char(text, '_');
	rk_text_put_unsigned(text, index);
	rk_openapi_put(text, "'");
}

/* `"get":{…}`, or post. */
static void put_main_operation(struct rk_text *text, const struct rk_openapi_operation *operation, enum rk_route route,
			       size_t index)
{
	const char *label = rk_route_label(route);
	const char *method = rk_route_allows(route, RK_METHOD_POST) ? "post" : "get";
	rk_openapi_put_string(text, "", method);
	rk_openapi_put(text, ":{");
	put_operation_id(text, method, label, index);
	rk_openapi_put_string(text, ",'summary':", operation->summary);
	rk_openapi_put_string(text, ",'tags':[", operation->tag);
	rk_openapi_put(text, "]");
	each_word(text, operation->takes, put_parameter);
	rk_openapi_put(text, operation->takes == NULL ? "" : "]");
	if (operation->needs_token)
		rk_openapi_put(text, ",'security':[{},{'token':[]}]");
	if (operation->request != NULL) {
		rk_openapi_put(text, operation->is_request_optional ? ",'requestBody':{"
								    : ",'requestBody':{'required':true,");
		rk_openapi_put(text, "'content':{'application/json':{'schema':");
		put_reference(text, "schemas", rk_bytes_of(operation->request));
		put_examples(text, operation, label, ".request", 0);
		rk_openapi_put(text, "}}}");
	}
	rk_openapi_put(text, ",'responses':{");
	put_good_response(text, operation, label, true);
	put_problem_responses(text, operation, label, operation->problems | rk_openapi_common_problems);
	rk_openapi_put(text, "}}");
}

/* HEAD, where there is GET, and OPTIONS. */
static void put_other_operations(struct rk_text *text, const struct rk_openapi_operation *operation,
				 enum rk_route route, size_t index)
{
	const char *label = rk_route_label(route);
	if (rk_route_allows(route, RK_METHOD_HEAD)) {
		rk_openapi_put(text, ",'head':{");
		put_operation_id(text, "head", label, index);
		rk_openapi_put_string(text, ",'summary':'The headers of GET','tags':[", operation->tag);
		rk_openapi_put(text, operation->needs_token ? "],'security':[{},{'token':[]}],'responses':{"
							    : "],'responses':{");
		put_good_response(text, operation, label, false);
		put_problem_responses(text, NULL, label, operation->problems | rk_openapi_common_problems);
		rk_openapi_put(text, "}}");
	}
	rk_openapi_put(text, ",'options':{");
	put_operation_id(text, "options", label, index);
	rk_openapi_put_string(text, ",'summary':'The methods of this path','tags':[", operation->tag);
	rk_openapi_put(text, "],'responses':{'204':{'description':'see Allow','headers':{'Allow':"
			     "{'$ref':'#/components/headers/Allow'}}}");
	put_problem_responses(text, NULL, label, rk_openapi_common_problems);
	rk_openapi_put(text, "}}");
}

static void put_servers(struct rk_text *text, const struct rk_server *server, enum rk_listener listener)
{
	bool has_data = (listener & RK_LISTENER_DATA) != 0, has_admin = (listener & RK_LISTENER_ADMIN) != 0;
	rk_openapi_put(text, "'servers':[");
	if (has_data) {
		rk_openapi_put_string(text, "{'description':'data port','url':", server->listen_data.url);
		rk_openapi_put(text, has_admin ? "}," : "}");
	}
	if (has_admin) {
		rk_openapi_put_string(text, "{'description':'admin port','url':", server->listen_admin.url);
		rk_openapi_put(text, "}");
	}
	rk_openapi_put(text, "]");
}

/* "/rank/{model}" of "/rank/{}" */
static void put_pattern(struct rk_text *text, const char *pattern, const char *name)
{
	const char *hole = strstr(pattern, "{}");
	rk_text_put_char(text, '"');
	rk_text_put(text, pattern, hole == NULL ? strlen(pattern) : (size_t)(hole - pattern));
	if (hole != NULL) {
		rk_text_put_char(text, '{');
		rk_text_put_text(text, name);
		rk_text_put_text(text, hole + 1);
	}
	rk_text_put_char(text, '"');
}

/* The example of a model is one that there is. */
static void put_hole(struct rk_text *text, const struct rk_server *server, const char *name, bool is_model)
{
	struct rk_registry *registry = atomic_load(&server->registry);
	const char *example = registry == NULL || !is_model ? NULL : rk_registry_name(registry, 0);
	rk_openapi_put_string(text, ",'parameters':[{'name':", name);
	rk_openapi_put(text, ",'in':'path','required':true,'schema':{'type':'string','minLength':1}");
	if (example != NULL)
		rk_openapi_put_string(text, ",'example':", example);
	rk_openapi_put(text, "}]");
}

void rk_openapi_put_paths(struct rk_text *text, const struct rk_server *server)
{
	rk_openapi_put(text, "{");
	for (size_t i = 0; i < rk_n_route_paths; i++) {
		const struct rk_route_path *path = &rk_route_paths[i];
		const struct rk_openapi_operation *operation = rk_openapi_operation(path->route);
		RK_ASSERT(operation != NULL);
		const char *hole = operation->hole == NULL ? "model" : operation->hole;
		rk_openapi_put(text, i == 0 ? "" : ",");
		put_pattern(text, path->pattern, hole);
		rk_openapi_put(text, ":{");
		put_servers(text, server, path->listener);
		if (strstr(path->pattern, "{}") != NULL)
			put_hole(text, server, hole, operation->hole == NULL);
		rk_openapi_put(text, ",");
		put_main_operation(text, operation, path->route, i);
		put_other_operations(text, operation, path->route, i);
		rk_openapi_put(text, "}");
	}
	rk_openapi_put(text, "}");
}
