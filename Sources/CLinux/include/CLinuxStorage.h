#ifndef BENCH_CLINUX_STORAGE_H
#define BENCH_CLINUX_STORAGE_H

// Mounts, loop devices, extents, the page cache and copy-on-write: system calls that not every libc wraps, and variadic
// ioctls. Inline, as all that is not in CLinux.c.
//
// <linux/fs.h> and <linux/mount.h> declare again what glibc's <sys/mount.h> has, and <linux/btrfs.h> includes them: the
// numbers and layouts that are needed stand here, as the kernel's interface has them for good.

#include <errno.h>
#include <linux/fiemap.h>
#include <linux/loop.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

// The same on every architecture, but Alpha.
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430
#endif
#ifndef SYS_fsconfig
#define SYS_fsconfig 431
#endif
#ifndef SYS_fsmount
#define SYS_fsmount 432
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

// fsopen(2) with FSOPEN_CLOEXEC (1).
static inline int clinux_fsopen(const char *type) { return (int)syscall(SYS_fsopen, type, 1u); }

// fsconfig(2): FSCONFIG_SET_FLAG (0), FSCONFIG_SET_STRING (1), FSCONFIG_CMD_CREATE (6).
static inline int clinux_fsconfig_flag(int fs, const char *key) {
  return (int)syscall(SYS_fsconfig, fs, 0u, key, (void *)0, 0);
}
static inline int clinux_fsconfig_string(int fs, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, fs, 1u, key, value, 0);
}
static inline int clinux_fsconfig_create(int fs) {
  return (int)syscall(SYS_fsconfig, fs, 6u, (void *)0, (void *)0, 0);
}

// fsmount(2) with FSMOUNT_CLOEXEC (1); MOUNT_ATTR_RDONLY (1).
static inline int clinux_fsmount(int fs, int read_only) {
  return (int)syscall(SYS_fsmount, fs, 1u, read_only ? 1u : 0u);
}

// move_mount(2) of a detached mount (MOVE_MOUNT_F_EMPTY_PATH, 4); AT_FDCWD is -100.
static inline int clinux_attach_mount(int mount, const char *target) {
  return (int)syscall(SYS_move_mount, mount, "", -100, target, 4u);
}

// The number of a free loop device, which it may not be any more when this returns.
static inline int clinux_loop_get_free(int control) { return ioctl(control, LOOP_CTL_GET_FREE); }

// LOOP_CONFIGURE (0x4C0A, Linux 5.8).
static inline int clinux_loop_configure(int loop, int file, uint32_t flags) {
  struct {
    uint32_t fd;
    uint32_t block_size;
    struct loop_info64 info;
    uint64_t reserved[8];
  } config;
  memset(&config, 0, sizeof config);
  config.fd = (uint32_t)file;
  config.info.lo_flags = flags;
  return ioctl(loop, 0x4C0A, &config);
}

static inline int clinux_loop_clear(int loop) { return ioctl(loop, LOOP_CLR_FD, 0); }

// Device (the kernel's own encoding: see below) and inode of the file behind a loop device.
static inline int clinux_loop_backing(int loop, uint64_t *device, uint64_t *inode) {
  struct loop_info64 info;
  memset(&info, 0, sizeof info);
  if (ioctl(loop, LOOP_GET_STATUS64, &info) != 0) return -1;
  *device = info.lo_device;
  *inode = info.lo_inode;
  return 0;
}

// Major and minor number in `struct stat`, as glibc and musl encode them.
static inline uint32_t clinux_major(uint64_t device) {
  return (uint32_t)(((device >> 8) & 0xfffu) | ((device >> 32) & 0xfffff000u));
}
static inline uint32_t clinux_minor(uint64_t device) {
  return (uint32_t)((device & 0xffu) | ((device >> 12) & 0xffffff00u));
}

// FS_IOC_FIEMAP: up to `capacity` extents from byte `start` on, with `sync` written back first if they are dirty
// (FIEMAP_FLAG_SYNC). Returns how many, or -1. `map` has room for a struct fiemap and that many extents.
static inline int clinux_fiemap(int fd, struct fiemap *map, uint64_t start, uint32_t capacity, int sync) {
  memset(map, 0, sizeof *map);
  map->fm_start = start;
  map->fm_length = FIEMAP_MAX_OFFSET - start;
  map->fm_flags = sync ? FIEMAP_FLAG_SYNC : 0;
  map->fm_extent_count = capacity;
  if (ioctl(fd, _IOWR('f', 11, struct fiemap), map) != 0) return -1;
  return (int)map->fm_mapped_extents;
}

// Whether a file is overlayfs's (OVERLAYFS_SUPER_MAGIC of <linux/magic.h>).
static inline int clinux_is_overlay(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) == 0 && (uint32_t)status.f_type == 0x794c7630u;
}

// cachestat(2), Linux 6.5: how many pages of the first `length` bytes are in the page cache, or -1.
static inline int64_t clinux_cached_pages(int fd, uint64_t length) {
  struct {
    uint64_t offset, length;
  } range = {0, length};
  struct {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } counts = {0, 0, 0, 0, 0};
  if (syscall(SYS_cachestat, fd, &range, &counts, 0u) != 0) return -1;
  return (int64_t)counts.cached;
}

// Hidden behind _GNU_SOURCE.
static inline int clinux_syncfs(int fd) { return (int)syscall(SYS_syncfs, fd); }

// FICLONE.
static inline int clinux_clone_file(int source, int target) { return ioctl(target, _IOW(0x94, 9, int), source); }

// struct btrfs_ioctl_vol_args.
struct clinux_btrfs_name {
  int64_t fd;
  char name[4088];
};

static inline int clinux_btrfs_name(struct clinux_btrfs_name *arguments, int fd, const char *name) {
  size_t length = strlen(name);
  memset(arguments, 0, sizeof *arguments);
  if (length >= sizeof arguments->name) {
    errno = ENAMETOOLONG;
    return -1;
  }
  arguments->fd = fd;
  memcpy(arguments->name, name, length);
  return 0;
}

// BTRFS_IOC_SUBVOL_CREATE, BTRFS_IOC_SNAP_CREATE and BTRFS_IOC_SNAP_DESTROY of `name` in a directory.
static inline int clinux_btrfs_create(int directory, const char *name) {
  struct clinux_btrfs_name arguments;
  if (clinux_btrfs_name(&arguments, 0, name) != 0) return -1;
  return ioctl(directory, _IOW(0x94, 14, struct clinux_btrfs_name), &arguments);
}
static inline int clinux_btrfs_snapshot(int source, int directory, const char *name) {
  struct clinux_btrfs_name arguments;
  if (clinux_btrfs_name(&arguments, source, name) != 0) return -1;
  return ioctl(directory, _IOW(0x94, 1, struct clinux_btrfs_name), &arguments);
}
static inline int clinux_btrfs_delete(int directory, const char *name) {
  struct clinux_btrfs_name arguments;
  if (clinux_btrfs_name(&arguments, 0, name) != 0) return -1;
  return ioctl(directory, _IOW(0x94, 15, struct clinux_btrfs_name), &arguments);
}

#endif
