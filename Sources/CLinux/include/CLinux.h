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
#include <sys/socket.h>
#include <sys/types.h>

#include "CLinuxEpoll.h"
#include "CLinuxPerf.h"
#include "CLinuxSplice.h"
#include "CLinuxStorage.h"

// Hidden behind _GNU_SOURCE.
int clinux_unshare(int flags);
int clinux_setns(int fd, int flags);
int clinux_pipe2(int ends[2], int flags);
// accept4(2) without an address, closed on exec.
int clinux_accept(int fd);
int clinux_memfd_create(const char *name);

// A file system of `type` that is mounted nowhere: a descriptor of its root (fsmount(2)), or -1 with errno. It is gone when
// the descriptor is closed.
int clinux_detached_mount(const char *type);

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

// Returns `number`; but the optimiser does not know, so that what depends on it, and what it depends on, is really done.
static inline uint64_t clinux_unknown(uint64_t number) {
  __asm__ volatile("" : "+r"(number));
  return number;
}

// SO_TIMESTAMPING (kernel: Documentation/networking/timestamping.rst): the macros over control messages are
// function-like. Stamps are ns since 1970 on CLOCK_REALTIME, taken by the kernel in software.
//
// Packets that come to `fd` are stamped from now on (or a little later: a work item of the kernel switches it on). With
// `with_ids`, which a TCP socket must be connected for, sent ones may be, too, and are numbered. 0, or -1.
int clinux_stamp_packets(int fd, int with_ids);
// sendmsg(2) that asks for a stamp of this message. `to` may be null.
ssize_t clinux_send_stamped(int fd, const void *message, size_t length, int flags, const struct sockaddr *to,
                            socklen_t to_length);
// recvmsg(2) with the message's stamp, 0 if it has none. `from` and `from_length` may be null.
ssize_t clinux_receive_stamped(int fd, void *buffer, size_t length, int flags, struct sockaddr *from,
                               socklen_t *from_length, uint64_t *stamp_ns);
// The next stamp of a sent message: 1 with its number and time, 0 if there is none, or -1. Never waits.
int clinux_transmit_stamp(int fd, uint32_t *id, uint64_t *stamp_ns);

#endif
