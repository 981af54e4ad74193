#ifndef BENCH_CSQLITE_SHIM_H
#define BENCH_CSQLITE_SHIM_H

#include <sqlite3.h>

#endif
