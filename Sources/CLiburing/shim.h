#ifndef BENCH_CLIBURING_SHIM_H
#define BENCH_CLIBURING_SHIM_H

// First of all: <liburing.h> defines _GNU_SOURCE, and the system's structs would look different here than in Swift's
// Glibc module. glibc looks at such macros once, in here, and what is defined later changes nothing any more.
#include <features.h>

#include <liburing.h>

#endif
