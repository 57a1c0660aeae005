/*
 * Each body is ranked whole, and then again with only the first blocks of its candidates scored: by number, not by a
 * clock, so that the table is the same on every machine. Three walks: by the pre-score; in the request's order with the
 * pre-score putting the rest in order; in the request's order alone.
 */
#include "bench/anytime/cmd_anytime.h"

#include "bench/anytime/quality.h"
#include "bench/load/bodies.h"
#include "loader/registry_scan.h"
#include "server/clock.h"
#include "server/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { MAX_BODIES = 1024, MAX_CANDIDATES = 65536, MAX_EVENTS = 65536, MAX_BODY_BYTES = 64 * 1024 * 1024 };
enum { N_STEPS = 11, MIN_BLOCKS = 2 };

static const char usage[] =
	"rankd bench anytime MODEL_DIR --bodies FILE\n"
	"What an order keeps of the whole one's first ten when only some blocks of candidates are\n"
	"scored: by the pre-score u·e, against the request's order. FILE: /rank requests, one a line;\n"
	"those of fewer than two blocks are passed over.\n";

enum walk { WALK_GUESSED, WALK_REQUEST_GUESSED_REST, WALK_REQUEST, N_WALKS };

static const char *const walk_words[N_WALKS] = {"pre-score", "request, rest by pre-score", "request"};

struct session {
	struct rk_version *version;
	struct rk_pages memory;
	struct rk_arena arena;
	struct rk_request_limits limits;
	uint32_t *whole; /* [MAX_CANDIDATES] the order of the body at hand with all scored */
	/* sums over the bodies */
	uint32_t n_bodies;
	double n_candidates, guess_ns, score_ns;
	double ndcg[N_STEPS][N_WALKS], overlap[N_STEPS][N_WALKS];
};

static struct rk_version *give_version(void *context, struct rk_bytes name, bool *ret_known)
{
	(void)name;
	*ret_known = true;
	return context;
}

/* Ranks with the first n_blocks of the walk scored. The result lives until the next call. */
static void rank_in_part(struct session *session, const struct rk_rank_input *input, enum walk walk, uint32_t n_blocks,
			 struct rk_rank_result *ret_result)
{
	struct rk_version *version = session->version;
	struct rk_ranking ranking;
	struct rk_places guess = {0};
	rk_ranking_begin(&ranking, &version->model, version->scratches[0], input);
	rk_ranking_encode_user(&ranking);
	uint64_t start_ns = rk_clock_ns();
	if (walk == WALK_GUESSED)
		guess = rk_ranking_prescore(&ranking);
	uint64_t guessed_ns = rk_clock_ns();
	uint32_t n = walk == WALK_GUESSED ? guess.n : input->n_candidates;
	uint64_t wanted = (uint64_t)n_blocks * version->model.plan.block_rows;
	uint32_t n_scored = wanted < n ? (uint32_t)wanted : n;
	if (walk == WALK_GUESSED)
		rk_ranking_score_places(&ranking, &guess, 0, n_scored);
	else
		rk_ranking_score(&ranking, 0, n_scored);
	uint64_t scored_ns = rk_clock_ns();
	if (walk == WALK_REQUEST_GUESSED_REST)
		(void)rk_ranking_prescore(&ranking);
	rk_ranking_finish(&ranking, ret_result);
	if (walk == WALK_GUESSED && n_scored == n) {
		session->guess_ns += (double)(guessed_ns - start_ns);
		session->score_ns += (double)(scored_ns - guessed_ns);
	}
}

static void measure_body(struct session *session, const struct rk_rank_input *input)
{
	struct rk_rank_result result;
	uint32_t n = input->n_candidates, block = session->version->model.plan.block_rows;
	uint32_t n_blocks = (n + block - 1) / block;
	if (n_blocks < MIN_BLOCKS)
		return;
	rank_in_part(session, input, WALK_REQUEST, n_blocks, &result);
	memcpy(session->whole, result.order, n * sizeof(*session->whole));
	session->n_bodies++;
	session->n_candidates += n;
	for (uint32_t step = 0; step < N_STEPS; step++) {
		uint32_t n_scored = (n_blocks * step + (N_STEPS - 2)) / (N_STEPS - 1); /* rounded up */
		for (int walk = 0; walk < N_WALKS; walk++) {
			rank_in_part(session, input, (enum walk)walk, n_scored, &result);
			session->ndcg[step][walk] += rk_quality_ndcg(session->whole, result.order, n);
			session->overlap[step][walk] += rk_quality_overlap(session->whole, result.order, n);
		}
	}
}

static enum rk_status measure_line(struct session *session, const struct rk_load_request *line, struct rk_error *reterr)
{
	static const char end_of_head[] = "\r\n\r\n";
	const char *body = memmem(line->data, line->size, end_of_head, strlen(end_of_head));
	body = body == NULL ? line->data : body + strlen(end_of_head);
	struct rk_request request = {.version = NULL};
	struct rk_request_refusal refusal;
	struct rk_request_source source = {.body = {body, line->size - (size_t)(body - line->data)},
					   .limits = &session->limits,
					   .resolver = {.acquire = give_version, .context = session->version}};
	rk_arena_reset(&session->arena);
	if (!rk_request_decode(&source, &session->arena, &request, &refusal))
		return rk_error_set(reterr, RK_INVALID, "a body is refused: %s %s %s", refusal.detail,
				    refusal.faults.n > 0 ? refusal.faults.faults[0].pointer : "",
				    refusal.faults.n > 0 ? refusal.faults.faults[0].message : "");
	measure_body(session, &request.input);
	return RK_OK;
}

static void print_table(const struct session *session)
{
	double n = session->n_bodies;
	(void)printf("%u requests of %.0f candidates in the mean; pre-score %.1f us, all scores %.0f us a request\n\n",
		     session->n_bodies, session->n_candidates / n, session->guess_ns / n / 1000,
		     session->score_ns / n / 1000);
	(void)printf("| blocks scored |");
	for (int walk = 0; walk < N_WALKS; walk++)
		(void)printf(" %s: NDCG@10 | overlap@10 |", walk_words[walk]);
	(void)printf("\n|---|---|---|---|---|---|---|\n");
	for (uint32_t step = 0; step < N_STEPS; step++) {
		(void)printf("| %u %% |", step * 100 / (N_STEPS - 1));
		for (int walk = 0; walk < N_WALKS; walk++)
			(void)printf(" %.3f | %.3f |", session->ndcg[step][walk] / n, session->overlap[step][walk] / n);
		(void)printf("\n");
	}
}

static enum rk_status open_version(struct session *session, const char *path, struct rk_error *reterr)
{
	struct rk_version_options options = {
		.limits = {.max_candidates = session->limits.max_candidates, .max_events = session->limits.max_events}};
	char name[RK_MAX_MODEL_NAME_BYTES + 1];
	uint64_t number = 0;
	enum rk_status status = rk_cpu_choose("auto", &options.tier, reterr);
	if (status != RK_OK)
		return status;
	rk_scan_guess(path, name, &number);
	status = rk_version_open(&session->version, path, name, number, &options, reterr);
	return status == RK_OK ? RK_OK : rk_error_prefix(reterr, status, "%s", path);
}

static enum rk_status open_memory(struct session *session, struct rk_error *reterr)
{
	size_t arena_bytes = rk_job_arena_bytes(&session->limits);
	enum rk_status status =
		rk_pages_open(&session->memory, arena_bytes + MAX_CANDIDATES * sizeof(*session->whole), reterr);
	if (status != RK_OK)
		return status;
	rk_arena_init(&session->arena, session->memory.base, arena_bytes);
	session->whole = (uint32_t *)(void *)((char *)session->memory.base + arena_bytes / 64 * 64);
	session->arena.size = arena_bytes / 64 * 64;
	return RK_OK;
}

static enum rk_status measure(struct session *session, const char *bodies, struct rk_error *reterr)
{
	static const struct rk_load_target nobody = {.host = "localhost", .path = "/rank"};
	static const struct rk_load_mix own = {.kind = RK_LOAD_MIX_OWN};
	struct rk_load_pool pool = {0};
	enum rk_status status = rk_load_pool_open(&pool, MAX_BODIES, &nobody, 0, reterr);
	if (status == RK_OK)
		status = rk_load_bodies_read(&pool, bodies, &own, 1, reterr);
	for (size_t i = 0; status == RK_OK && i < pool.n; i++)
		status = measure_line(session, &pool.requests[i], reterr);
	rk_load_pool_close(&pool);
	if (status == RK_OK && session->n_bodies == 0)
		return rk_error_set(reterr, RK_INVALID, "%s: no request has two blocks of candidates", bodies);
	return status;
}

static int run(const char *model, const char *bodies)
{
	static struct session session;
	struct rk_error error;
	session.limits = (struct rk_request_limits){
		.max_candidates = MAX_CANDIDATES, .max_events = MAX_EVENTS, .max_body_bytes = MAX_BODY_BYTES};
	enum rk_status status = open_version(&session, model, &error);
	if (status == RK_OK)
		status = open_memory(&session, &error);
	if (status == RK_OK)
		status = measure(&session, bodies, &error);
	if (status == RK_OK)
		print_table(&session);
	else
		(void)fprintf(stderr, "rankd bench anytime: %s\n", error.message);
	rk_pages_close(&session.memory);
	rk_version_close(session.version);
	return status == RK_OK ? EXIT_FINE : EXIT_FAILED;
}

int rk_cmd_bench_anytime(int argc, char **argv)
{
	const char *model = NULL, *bodies = NULL;
	bool is_good = true;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			(void)fputs(usage, stdout);
			return EXIT_FINE;
		}
		if (strcmp(argv[i], "--bodies") == 0 && i + 1 < argc)
			bodies = argv[++i];
		else if (argv[i][0] != '-' && model == NULL)
			model = argv[i];
		else
			is_good = false;
	}
	if (is_good && model != NULL && bodies != NULL)
		return run(model, bodies);
	(void)fputs(usage, stderr);
	return EXIT_USAGE;
}
