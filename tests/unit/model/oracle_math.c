#include "tests/unit/model/oracle_parts.h"

#include <math.h>
#include <string.h>

double oracle_sigmoid(double x)
{
	return 1.0 / (1.0 + exp(-x));
}

double oracle_activation(enum rk_activation activation, double x)
{
	switch (activation) {
	case RK_ACTIVATION_RELU:
		return x > 0.0 ? x : 0.0;
	case RK_ACTIVATION_GELU:
		return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
	case RK_ACTIVATION_GELU_TANH:
		return 0.5 * x * (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
	case RK_ACTIVATION_SILU:
		return x * oracle_sigmoid(x);
	}
	return (double)NAN;
}

double oracle_half(uint16_t half)
{
	double sign = half >> 15 ? -1.0 : 1.0;
	int exponent = half >> 10 & 31;
	double mantissa = half & 1023;
	if (exponent == 31)
		return mantissa > 0.0 ? (double)NAN : sign * (double)INFINITY;
	return sign * (exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024.0 + mantissa, exponent - 25));
}

double oracle_bf16(uint16_t value)
{
	double sign = value >> 15 ? -1.0 : 1.0;
	int exponent = value >> 7 & 255;
	double mantissa = value & 127;
	if (exponent == 255)
		return mantissa > 0.0 ? (double)NAN : sign * (double)INFINITY;
	return sign * (exponent == 0 ? ldexp(mantissa, -133) : ldexp(128.0 + mantissa, exponent - 134));
}

void oracle_linear(const struct rk_linear *layer, uint32_t n_in, uint32_t n_out, const double *x, double *y)
{
	for (uint32_t o = 0; o < n_out; o++) {
		y[o] = (double)layer->bias[o];
		for (uint32_t i = 0; i < n_in; i++)
			y[o] += (double)layer->weight[(size_t)o * n_in + i] * x[i];
	}
}

void oracle_layer_norm(const struct oracle_state *s, const struct rk_layer_norm *norm, double *x)
{
	uint32_t d = s->model->config.dim;
	double mean = 0.0, variance = 0.0;
	for (uint32_t i = 0; i < d; i++)
		mean += x[i] / d;
	for (uint32_t i = 0; i < d; i++)
		variance += (x[i] - mean) * (x[i] - mean) / d;
	for (uint32_t i = 0; i < d; i++)
		x[i] = (x[i] - mean) / sqrt(variance + (double)s->model->config.encoder.norm_eps) *
			       (double)norm->weight[i] +
		       (double)norm->bias[i];
}

void oracle_softmax(double *x, uint32_t n)
{
	double sum = 0.0;
	for (uint32_t i = 0; i < n; i++)
		sum += exp(x[i]);
	for (uint32_t i = 0; i < n; i++)
		x[i] = exp(x[i]) / sum;
}

void oracle_item(const struct rk_model *model, int32_t row, double *e)
{
	for (uint32_t i = 0; i < model->config.dim; i++) {
		size_t at = (size_t)row * model->config.dim + i;
		const void *table = model->weights.item_embedding;
		if (model->weights.item_dtype == RK_DTYPE_F32)
			e[i] = (double)((const float *)table)[at];
		else if (model->weights.item_dtype == RK_DTYPE_F16)
			e[i] = oracle_half(((const uint16_t *)table)[at]);
		else
			e[i] = oracle_bf16(((const uint16_t *)table)[at]);
	}
}

void oracle_attend(uint32_t d, uint32_t n_heads, const double *q, double (*k)[ORACLE_MAX_WIDTH],
		   double (*v)[ORACLE_MAX_WIDTH], uint32_t n, double *out)
{
	static double scores[ORACLE_MAX_EVENTS];
	uint32_t width = d / n_heads;
	memset(out, 0, d * sizeof(double));
	for (uint32_t head = 0; head < n_heads; head++) {
		for (uint32_t j = 0; j < n; j++) {
			scores[j] = 0.0;
			for (uint32_t i = head * width; i < (head + 1) * width; i++)
				scores[j] += q[i] * k[j][i] / sqrt((double)width);
		}
		oracle_softmax(scores, n);
		for (uint32_t j = 0; j < n; j++) {
			for (uint32_t i = head * width; i < (head + 1) * width; i++)
				out[i] += scores[j] * v[j][i];
		}
	}
}
