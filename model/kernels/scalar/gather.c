#include "model/kernels/scalar/transpose.h"

#include "model/kernels/vector/gather.h"
