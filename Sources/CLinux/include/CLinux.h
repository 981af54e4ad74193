#ifndef BENCH_CLINUX_H
#define BENCH_CLINUX_H

// What Swift's importer cannot see: variadic system calls, function-like macros, and symbols that
// glibc hides behind _GNU_SOURCE. Each shim says which of these it is. Nothing else belongs here.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// _GNU_SOURCE: hidden from Swift's Glibc module.
static inline int clinux_unshare(int flags) { return unshare(flags); }
static inline int clinux_pipe2(int ends[2], int flags) { return pipe2(ends, flags); }
static inline int clinux_memfd_create(const char *name) { return memfd_create(name, MFD_CLOEXEC); }
static inline int clinux_signalfd(const sigset_t *set) { return signalfd(-1, set, SFD_CLOEXEC); }
static inline int clinux_setns(int fd, int flags) { return setns(fd, flags); }

// Macros over cpu_set_t. `cpus` holds `count` CPU numbers; applies to the calling thread.
static inline int clinux_set_affinity(const int *cpus, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < count; i++) {
    if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE) { errno = EINVAL; return -1; }
    CPU_SET(cpus[i], &set);
  }
  return sched_setaffinity(0, sizeof set, &set);
}

// Fills `cpus` with up to `capacity` CPU numbers that the calling thread may run on; returns how many, or -1.
static inline int clinux_get_affinity(int *cpus, int capacity) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
  int n = 0;
  for (int i = 0; i < CPU_SETSIZE && n < capacity; i++)
    if (CPU_ISSET(i, &set)) cpus[n++] = i;
  return n;
}

// Variadic: prctl.
static inline int clinux_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }
static inline int clinux_set_timer_slack(unsigned long nanoseconds) {
  return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}

// Variadic syscall(2), for calls that glibc 2.36 and musl do not both wrap.
static inline int clinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static inline int clinux_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

// Function-like macros over the status of wait(2).
static inline int clinux_exited(int status) { return WIFEXITED(status); }
static inline int clinux_exit_status(int status) { return WEXITSTATUS(status); }
static inline int clinux_signalled(int status) { return WIFSIGNALED(status); }
static inline int clinux_term_signal(int status) { return WTERMSIG(status); }

// A signal handler may only touch a volatile sig_atomic_t, which Swift cannot declare. After
// clinux_catch_stop(), SIGTERM and SIGINT set the flag and interrupt blocking calls (no SA_RESTART).
int clinux_catch_stop(void);
extern volatile sig_atomic_t clinux_stop_flag;
static inline int clinux_stop_requested(void) { return clinux_stop_flag; }

// Variadic: fcntl with an integer argument.
static inline int clinux_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }

#endif
