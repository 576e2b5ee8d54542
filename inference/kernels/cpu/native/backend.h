/* All of a backend; a file that includes it names its processor and `BACKEND` first. */
#include <math.h>
#include <stdlib.h>

#include "decoder.h"
#include "pool.h"
#include "simd.h"

#include "pack.h"

#include "gemm.h"

#include "attention.h"

#include "routing.h"

#include "step.h"

#include "linear.h"

#define NAME_(x) #x
#define NAME(x) NAME_(x)
#define JOIN_(x) backend_##x
#define JOIN(x) JOIN_(x)

const Backend JOIN(BACKEND) = {NAME(BACKEND), pack, linear, step};
