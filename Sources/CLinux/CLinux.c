#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int clinux_unshare(int flags) { return unshare(flags); }
int clinux_setns(int fd, int flags) { return setns(fd, flags); }
int clinux_pipe2(int ends[2], int flags) { return pipe2(ends, flags); }
int clinux_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC); }
int clinux_memfd_create(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int clinux_detached_mount(const char *type) {
  int context = fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int mount = -1;
  if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
    mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  int code = errno;
  close(context);
  errno = code;
  return mount;
}

int clinux_signalfd(const sigset_t *set) { return signalfd(-1, set, SFD_CLOEXEC); }

int clinux_set_affinity(const int *cpus, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < count; i++) {
    if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE) {
      errno = EINVAL;
      return -1;
    }
    CPU_SET(cpus[i], &set);
  }
  return sched_setaffinity(0, sizeof set, &set);
}

int clinux_get_affinity(int *cpus, int capacity) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
  int n = 0;
  for (int i = 0; i < CPU_SETSIZE && n < capacity; i++)
    if (CPU_ISSET(i, &set)) cpus[n++] = i;
  return n;
}

int clinux_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

int clinux_terminal_columns(int fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int clinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int clinux_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int clinux_exited(int status) { return WIFEXITED(status); }
int clinux_exit_status(int status) { return WEXITSTATUS(status); }
int clinux_term_signal(int status) { return WTERMSIG(status); }

volatile sig_atomic_t clinux_stop_flag = 0;

static void on_stop(int signal) {
  (void)signal;
  clinux_stop_flag = 1;
}

int clinux_catch_stop(void) {
  struct sigaction action = {0};
  action.sa_handler = on_stop;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGTERM, &action, NULL) != 0) return -1;
  return sigaction(SIGINT, &action, NULL);
}

// Since Linux 6.2; the headers of a build host may be older than the kernel that the program meets.
enum { BENCH_OPT_ID_TCP = 1 << 16 };

int clinux_stamp_packets(int fd, int with_ids) {
  int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;
  if (with_ids) flags |= SOF_TIMESTAMPING_OPT_ID | BENCH_OPT_ID_TCP;
  int code = setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags);
  if (code == 0 || !with_ids || errno != EINVAL) return code;
  // An older kernel counts a TCP socket's bytes from the first that is not acknowledged: the same one as long as
  // nothing has been sent.
  flags &= ~BENCH_OPT_ID_TCP;
  return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags);
}

ssize_t clinux_send_stamped(int fd, const void *message, size_t length, int flags, const struct sockaddr *to,
                            socklen_t to_length) {
  union {
    char bytes[CMSG_SPACE(sizeof(uint32_t))];
    struct cmsghdr aligned;
  } control = {{0}};
  struct iovec part = {(void *)message, length};
  struct msghdr header = {.msg_name = (void *)to,
                          .msg_namelen = to_length,
                          .msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof control.bytes};
  uint32_t wanted = SOF_TIMESTAMPING_TX_SOFTWARE;
  struct cmsghdr *item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SO_TIMESTAMPING;
  item->cmsg_len = CMSG_LEN(sizeof wanted);
  memcpy(CMSG_DATA(item), &wanted, sizeof wanted);
  return sendmsg(fd, &header, flags);
}

// The software stamp that a control message carries, in ns.
static uint64_t software_stamp(const struct cmsghdr *item) {
  struct scm_timestamping stamps;
  memcpy(&stamps, CMSG_DATA(item), sizeof stamps);
  return (uint64_t)stamps.ts[0].tv_sec * 1000000000u + (uint64_t)stamps.ts[0].tv_nsec;
}

ssize_t clinux_receive_stamped(int fd, void *buffer, size_t length, int flags, struct sockaddr *from,
                               socklen_t *from_length, uint64_t *stamp_ns) {
  union {
    char bytes[CMSG_SPACE(sizeof(struct scm_timestamping))];
    struct cmsghdr aligned;
  } control;
  struct iovec part = {buffer, length};
  struct msghdr header = {.msg_name = from,
                          .msg_namelen = from_length ? *from_length : 0,
                          .msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof control.bytes};
  *stamp_ns = 0;
  ssize_t count = recvmsg(fd, &header, flags);
  if (count < 0) return count;
  if (from_length) *from_length = header.msg_namelen;
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item))
    if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SO_TIMESTAMPING) *stamp_ns = software_stamp(item);
  return count;
}

int clinux_transmit_stamp(int fd, uint32_t *id, uint64_t *stamp_ns) {
  // Stamp, error and the error's (absent) address, of either family; more than that is not asked for.
  union {
    char bytes[CMSG_SPACE(sizeof(struct scm_timestamping)) +
               CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))];
    struct cmsghdr aligned;
  } control;
  struct msghdr header = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return errno == EAGAIN ? 0 : -1;
  int is_stamp = 0;
  *stamp_ns = 0;
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SO_TIMESTAMPING) *stamp_ns = software_stamp(item);
    if ((item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_RECVERR) ||
        (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_RECVERR)) {
      struct sock_extended_err error;
      memcpy(&error, CMSG_DATA(item), sizeof error);
      is_stamp = error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING && error.ee_info == SCM_TSTAMP_SND;
      *id = error.ee_data;
    }
  }
  return is_stamp && *stamp_ns != 0;
}
