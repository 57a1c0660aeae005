#include "server/admission.h"

#include <math.h>

/* Before anything is known: near the middle of what models of some 10 MFLOP to 200 MFLOP a request take. */
static const double initial_base_us = 150, initial_per_byte_us = 0.05;

void rk_predictor_init(struct rk_predictor *predictor)
{
	*predictor = (struct rk_predictor){.base_us = initial_base_us, .per_byte_us = initial_per_byte_us};
}

double rk_predictor_cost_us(const struct rk_predictor *predictor, size_t body_bytes)
{
	return predictor->base_us + predictor->per_byte_us * (double)body_bytes;
}

/* The first samples weigh as in a plain mean; from 1 / min_share of them on the past fades. */
static double share_of_new(uint64_t n_samples, double min_share)
{
	double share = 1.0 / (double)n_samples;
	return share > min_share ? share : min_share;
}

void rk_predictor_learn(struct rk_predictor *predictor, size_t body_bytes, double cpu_us)
{
	const double min_share = 1.0 / 128;
	double bytes = (double)body_bytes;
	double share = share_of_new(++predictor->n_samples, min_share);
	predictor->mean_bytes += share * (bytes - predictor->mean_bytes);
	predictor->mean_us += share * (cpu_us - predictor->mean_us);
	predictor->mean_bytes_us += share * (bytes * cpu_us - predictor->mean_bytes_us);
	predictor->mean_bytes_squared += share * (bytes * bytes - predictor->mean_bytes_squared);

	double variance = predictor->mean_bytes_squared - predictor->mean_bytes * predictor->mean_bytes;
	double covariance = predictor->mean_bytes_us - predictor->mean_bytes * predictor->mean_us;
	/* Bodies of one length say nothing about the slope: then all cost is held to grow with the length, which errs
	 * on the careful side for longer ones. A line that falls or begins below zero is an artefact of noise. */
	double least_variance = 1e-4 * predictor->mean_bytes_squared + 1;
	double through_origin = predictor->mean_us / (predictor->mean_bytes > 1 ? predictor->mean_bytes : 1);
	double slope = variance > least_variance ? covariance / variance : through_origin;
	if (slope < 0)
		slope = 0;
	if (slope > through_origin)
		slope = through_origin;
	predictor->per_byte_us = slope;
	predictor->base_us = predictor->mean_us - slope * predictor->mean_bytes;
}

double rk_stretch_factor(const struct rk_stretch *stretch)
{
	if (stretch->mean_cpu_us <= 0 || stretch->mean_wall_us <= stretch->mean_cpu_us)
		return 1; /* nothing is known, or the clocks' grains differ */
	return stretch->mean_wall_us / stretch->mean_cpu_us;
}

/* A ratio of means and not a mean of ratios: it is sums of costs that the queue's wait consists of. */
void rk_stretch_learn(struct rk_stretch *stretch, const struct rk_cost *cost)
{
	const double min_share = 1.0 / 32;
	double share = share_of_new(++stretch->n_samples, min_share);
	stretch->mean_cpu_us += share * (cost->cpu_us - stretch->mean_cpu_us);
	stretch->mean_wall_us += share * (cost->wall_us - stretch->mean_wall_us);
}

double rk_admission_longest_wait_us(double limit_us, double left_us)
{
	const double share = 1.0 / 3;
	return fmin(limit_us, share * left_us);
}

enum rk_verdict rk_admission_enter(const struct rk_load *load, double cost_us, double left_us)
{
	if (left_us <= 0)
		return RK_VERDICT_EXPIRED;
	if (load->n_queued < load->n_idle)
		return RK_VERDICT_ADMIT;
	if (load->n_queued > 0 && load->wait_us > rk_admission_longest_wait_us(load->limit_us, left_us))
		return RK_VERDICT_QUEUE_FULL;
	return load->wait_us + cost_us > left_us ? RK_VERDICT_TOO_LATE : RK_VERDICT_ADMIT;
}

enum rk_verdict rk_admission_take(uint32_t n_waiting, double cost_us, double left_us)
{
	if (left_us <= 0)
		return RK_VERDICT_EXPIRED;
	return n_waiting > 0 && cost_us > left_us ? RK_VERDICT_TOO_LATE : RK_VERDICT_ADMIT;
}
