#include "model/kernels/avx2/vec.h"

#include "model/kernels/vector/activation.h"
