/* The scalar tier: plain C for any processor, accurate, complete. What it does is the meaning of each kernel. */
#ifndef RK_KERNELS_SCALAR_SCALAR_H
#define RK_KERNELS_SCALAR_SCALAR_H

#include "model/kernels/kernels.h"

/* Fills every entry of the table. */
void rk_scalar_init(struct rk_kernels *ret_kernels);

/* One a family file: fills that family's entries. */
void rk_scalar_init_activation(struct rk_kernels *kernels);
void rk_scalar_init_attention(struct rk_kernels *kernels);
void rk_scalar_init_elementwise(struct rk_kernels *kernels);
void rk_scalar_init_gather(struct rk_kernels *kernels);
void rk_scalar_init_gru(struct rk_kernels *kernels);
void rk_scalar_init_norm(struct rk_kernels *kernels);
void rk_scalar_init_sigmoid(struct rk_kernels *kernels);
void rk_scalar_init_softmax(struct rk_kernels *kernels);

/* Kernels that other families of this tier build on. */
float rk_scalar_dot(const float *a, const float *b, size_t n);
void rk_scalar_axpy(float factor, const float *x, size_t n, float *y);
void rk_scalar_softmax(float *x, size_t n);
float rk_scalar_sigmoid_one(float x);

#endif
