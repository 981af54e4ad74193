#ifndef BENCH_CLINUX_SPLICE_H
#define BENCH_CLINUX_SPLICE_H

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

// splice(2) without offsets and without waiting for the pipe (SPLICE_F_NONBLOCK, 2); hidden behind _GNU_SOURCE. Whether
// it waits for a socket is the socket's own matter (O_NONBLOCK). One of the two must be a pipe.
static inline ssize_t clinux_splice(int from, int to, size_t length) {
  return syscall(SYS_splice, from, NULL, to, NULL, length, 2u);
}

#endif
