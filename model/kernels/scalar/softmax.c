#include "model/kernels/scalar/vec.h"

#include "model/kernels/vector/softmax.h"
