#ifndef BENCH_CLINUX_EPOLL_H
#define BENCH_CLINUX_EPOLL_H

#include <poll.h>
#include <stdint.h>
// Swift's Glibc module does not have it.
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// ppoll(2), which glibc hides behind _GNU_SOURCE: waits until there is something to read on `fd`, which may be an epoll
// descriptor, or `timeout_ns` have passed. Returns 1, 0, or -1. Inline, and not in a C file of its own: valgrind 3.19,
// which tests run the worker under, cannot read the debug information of a second one.
static inline int clinux_wait_readable(int fd, uint64_t timeout_ns) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000), .tv_nsec = (long)(timeout_ns % 1000000000)};
  return (int)syscall(SYS_ppoll, &entry, 1, &timeout, (void *)0, sizeof(uint64_t));
}

#endif
