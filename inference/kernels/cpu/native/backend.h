/* All of a backend; a file that includes it names its processor and `BACKEND` first. */
#include <math.h>
#include <stdlib.h>

#include "decoder.h"
#include "pool.h"
#include "simd.h"

#include "quantise.h"

#include "piece.h"

#include "pack_int4.h"

#include "pack.h"

#include "gemm.h"

#include "attention.h"

#include "routing.h"

#include "rows.h"

#include "layer.h"

#include "step.h"

#include "linear.h"

#include "v4/step.h"

#define NAME_(x) #x
#define NAME(x) NAME_(x)
#define JOIN_(x) backend_##x
#define JOIN(x) JOIN_(x)

const Backend JOIN(BACKEND) = {NAME(BACKEND), pack, linear, step};

#define JOIN_V4_(x) v4_##x
#define JOIN_V4(x) JOIN_V4_(x)

const V4Backend JOIN_V4(BACKEND) = {NAME(BACKEND), v4_step};
