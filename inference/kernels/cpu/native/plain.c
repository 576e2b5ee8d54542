/* Any processor. */
#define BACKEND plain
#include "backend.h"
