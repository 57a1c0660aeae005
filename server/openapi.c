/* The document but for its paths (server/openapi_paths.c). */
#include "server/openapi.h"

#include "model/base/check.h"
#include "server/decoder.h"
#include "server/embedded.h"
#include "server/openapi_text.h"
#include "server/server.h"

static struct rk_bytes file(const char *name)
{
	const struct rk_embedded *found = rk_embedded_find(rk_embedded_openapi, rk_bytes_of(name));
	RK_ASSERT(found != NULL && found->bytes.data[0] == '{');
	return found->bytes;
}

static void put_file(struct rk_text *text, const char *name)
{
	rk_text_put(text, file(name).data, file(name).size);
}

/* An object's members and what follows them: all of a file but its last brace. */
static void put_members_of_file(struct rk_text *text, const char *name)
{
	rk_text_put(text, file(name).data, file(name).size - 1);
}

static void put_type(struct rk_text *text, enum rk_problem problem, bool is_first)
{
	rk_openapi_put(text, is_first ? "'urn:rankd:problem:" : ",'urn:rankd:problem:");
	rk_text_put_text(text, rk_problem_code(problem));
	rk_openapi_put(text, "'");
}

/* Whether the problem is the first of those with its status. */
static bool leads(enum rk_problem problem)
{
	for (int other = 0; other < (int)problem; other++)
		if (rk_problem_status((enum rk_problem)other) == rk_problem_status(problem))
			return false;
	return true;
}

/* A response for all problems of a status. 400 may also be the HTTP library's own. */
static void put_response(struct rk_text *text, enum rk_problem problem)
{
	unsigned status = rk_problem_status(problem);
	rk_openapi_put(text, problem == 0 ? "'" : ",'");
	rk_text_put_unsigned(text, status);
	rk_openapi_put(text, "':{'description':'");
	rk_text_put_text(text, rk_problem_title(problem));
	rk_openapi_put(text, "'");
	if (status == 429 || status == 503)
		rk_openapi_put(text, ",'headers':{'Retry-After':{'$ref':'#/components/headers/RetryAfter'}}");
	rk_openapi_put(text, ",'content':{");
	if (status == 400)
		rk_openapi_put(text, "'text/html':{'schema':{'type':'string'}},");
	rk_openapi_put(text, "'application/problem+json':{'schema':{'allOf':[{'$ref':'#/components/schemas/Problem'},"
			     "{'properties':{'type':{'enum':[");
	for (int other = (int)problem; other < RK_N_PROBLEMS; other++)
		if (rk_problem_status((enum rk_problem)other) == status)
			put_type(text, (enum rk_problem)other, other == (int)problem);
	rk_openapi_put(text, "]},'status':{'const':");
	rk_text_put_unsigned(text, status);
	rk_openapi_put(text, "}}}]}}}}");
}

static void put_responses(struct rk_text *text)
{
	rk_openapi_put(text, ",'responses':{");
	for (int problem = 0; problem < RK_N_PROBLEMS; problem++)
		if (leads((enum rk_problem)problem))
			put_response(text, (enum rk_problem)problem);
	static const char *const of_library[] = {",'414", ",'431"};
	for (size_t i = 0; i < sizeof(of_library) / sizeof(of_library[0]); i++) {
		rk_openapi_put(text, of_library[i]);
		rk_openapi_put(text, "':{'description':'refused by the HTTP library','content':"
				     "{'text/html':{'schema':{'type':'string'}}}}");
	}
	rk_openapi_put(text, ",'505':{'description':'Another version than HTTP/1.0 and HTTP/1.1','content':"
			     "{'application/problem+json':{'schema':{'$ref':'#/components/schemas/Problem'}}}}}");
}

/* An object that a body holds, by the table that it is decoded with. */
static void put_fields(struct rk_text *text, const struct rk_settings *settings, const struct rk_fields *fields)
{
	rk_openapi_put_string(text, ",", fields->schema);
	rk_openapi_put(text, ":{'type':'object','additionalProperties':false,'properties':{");
	for (size_t i = 0; i < fields->n; i++) {
		rk_openapi_put_string(text, i == 0 ? "" : ",", fields->fields[i].name);
		rk_text_put_char(text, ':');
		rk_openapi_put_in_force(text, settings, fields->fields[i].schema);
	}
	rk_openapi_put(text, "}");
	for (size_t i = 0; i < fields->n_required; i++)
		rk_openapi_put_string(text, i == 0 ? ",'required':[" : ",", fields->fields[i].name);
	rk_openapi_put(text, fields->n_required == 0 ? "}" : "]}");
}

static void put_schemas(struct rk_text *text, const struct rk_settings *settings)
{
	static const struct rk_fields *const bodies[] = {&rk_request_fields, &rk_candidate_fields, &rk_event_fields,
							 &rk_user_fields, &rk_reward_fields};
	rk_openapi_put(text, ",'schemas':");
	put_members_of_file(text, "schemas.json");
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		put_fields(text, settings, bodies[i]);
	rk_openapi_put(text, ",'ProblemType':{'enum':[");
	for (int problem = 0; problem < RK_N_PROBLEMS; problem++)
		put_type(text, (enum rk_problem)problem, problem == 0);
	rk_openapi_put(text, "]},'Settings':");
	rk_openapi_put_settings(text);
	rk_openapi_put(text, "}");
}

void rk_openapi_write(const struct rk_server *server, struct rk_text *text)
{
	rk_openapi_put(
		text,
		"{'openapi':'3.1.0','info':{'title':'rankd','version':'" RK_VERSION "','description':"
		"'Ranks candidates within a latency budget. One document for two servers: each path says which of "
		"them answers it. Any method that a path does not list is 405 with Allow, any path that is not here "
		"404.'},'servers':[{'description':'data port','url':");
	rk_text_put_json(text, rk_bytes_of(server->listen_data.url));
	rk_openapi_put_string(text, "},{'description':'admin port','url':", server->listen_admin.url);
	rk_openapi_put(
		text,
		"}],'tags':[{'name':'rank','description':'data port'},{'name':'probes','description':'both ports'},"
		"{'name':'admin','description':'admin port'}],'paths':");
	rk_openapi_put_paths(text, server);
	rk_openapi_put(text,
		       ",'components':{'securitySchemes':{'token':{'type':'http','scheme':'bearer','description':"
		       "'needed where admin_token_file is set; otherwise changes are taken from this machine only'}}");
	put_schemas(text, &server->settings);
	put_responses(text);
	rk_openapi_put(text, ",'parameters':");
	put_file(text, "parameters.json");
	rk_openapi_put(text, ",'headers':");
	put_file(text, "headers.json");
	rk_openapi_put(text, ",'examples':");
	put_file(text, "examples.json");
	rk_openapi_put(text, "}}");
}
