#ifndef BENCH_CLINUX_PERF_H
#define BENCH_CLINUX_PERF_H

#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/ioctl.h>
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

// The same for a counter that stands still until clinux_perf_start(), and tells beside its count for how long it was
// enabled and for how long it counted, in ns: three uint64_t. With `inherit` it counts the threads and children, too,
// that `pid` starts from now on.
static inline int clinux_perf_counter_open(uint32_t type, uint64_t config, pid_t pid, int cpu, int inherit) {
  struct perf_event_attr attributes = {0};
  attributes.type = type;
  attributes.size = sizeof attributes;
  attributes.config = config;
  attributes.disabled = 1;
  attributes.inherit = inherit != 0;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return (int)syscall(SYS_perf_event_open, &attributes, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

// Variadic ioctl(2), with requests that are function-like macros.
static inline int clinux_perf_start(int fd) { return ioctl(fd, PERF_EVENT_IOC_ENABLE, 0); }
static inline int clinux_perf_stop(int fd) { return ioctl(fd, PERF_EVENT_IOC_DISABLE, 0); }
static inline int clinux_perf_filter(int fd, const char *filter) {
  return ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter);
}

#endif
