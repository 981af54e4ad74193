#ifndef BENCH_CLINUX_H
#define BENCH_CLINUX_H

// What Swift's importer cannot see: variadic system calls, function-like macros, and symbols that
// glibc hides behind _GNU_SOURCE. Nothing else belongs here.
//
// Prototypes only: with _GNU_SOURCE defined in a header that Swift imports, the system's structs
// would look different here than in its Glibc module, and importing both would fail.

#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/types.h>

#include "CLinuxPerf.h"

// Hidden behind _GNU_SOURCE.
int clinux_unshare(int flags);
int clinux_setns(int fd, int flags);
int clinux_pipe2(int ends[2], int flags);
int clinux_memfd_create(const char *name);

// A signalfd whose flags are an enumeration of its own.
int clinux_signalfd(const sigset_t *set);

// Macros over cpu_set_t. `cpus` holds `count` CPU numbers; applies to the calling thread.
int clinux_set_affinity(const int *cpus, int count);
// Fills `cpus` with up to `capacity` CPU numbers that the calling thread may run on; returns how many, or -1.
int clinux_get_affinity(int *cpus, int capacity);

// Variadic: prctl, ioctl.
int clinux_set_parent_death_signal(int signal);
// The width of a terminal in columns, or 0.
int clinux_terminal_columns(int fd);

// Variadic syscall(2), for calls that not every libc in use wraps.
int clinux_pidfd_open(pid_t pid);
int clinux_pidfd_send_signal(int pidfd, int signal);

// Function-like macros over the status of wait(2).
int clinux_exited(int status);
int clinux_exit_status(int status);
int clinux_term_signal(int status);

// A signal handler may only touch a volatile sig_atomic_t, which Swift cannot declare. After
// clinux_catch_stop(), SIGTERM and SIGINT set the flag and interrupt blocking calls (no SA_RESTART).
int clinux_catch_stop(void);
extern volatile sig_atomic_t clinux_stop_flag;
// Inline: read once per poll of a spinning server.
static inline int clinux_stop_requested(void) { return clinux_stop_flag; }

#endif
