#ifndef BENCH_CLINUX_PERF_H
#define BENCH_CLINUX_PERF_H

#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

// Variadic syscall(2): no libc wraps perf_event_open(2). The attributes are filled in here, since their bit fields
// do not come through to Swift. Counts from now on, in user and kernel mode, and closes on exec.
// `pid` −1 counts every process on `cpu`; `cpu` −1 counts `pid` (0 is the calling thread) on every CPU.
static inline int clinux_perf_event_open(uint32_t type, uint64_t config, pid_t pid, int cpu) {
  struct perf_event_attr attributes = {0};
  attributes.type = type;
  attributes.size = sizeof attributes;
  attributes.config = config;
  return (int)syscall(SYS_perf_event_open, &attributes, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

#endif
