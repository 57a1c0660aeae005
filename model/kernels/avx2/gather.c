#include "model/kernels/avx2/transpose.h"

#include "model/kernels/vector/gather.h"
