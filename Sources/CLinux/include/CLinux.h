// Kernel interfaces that Swift's Glibc module does not show.
#ifndef SKIFF_CLINUX_H
#define SKIFF_CLINUX_H

#include <linux/openat2.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/// Opens a pidfd for `pid`. Returns the descriptor, or -1 with errno set (pidfd_open(2)).
int clinux_pidfd_open(pid_t pid, unsigned int flags);

/// Sends `signal` to the process behind `pidfd`. Returns 0, or -1 with errno set (pidfd_send_signal(2)).
int clinux_pidfd_send_signal(int pidfd, int signal);

/// mount(2). `data` may be NULL. Returns 0, or -1 with errno set.
int clinux_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);

/// How `clinux_open_within` follows a path: never out of the directory; also never through a symbolic link; also never
/// into another mount.
enum { CLINUX_BENEATH = 1, CLINUX_NO_LINKS = 2, CLINUX_NO_MOUNTS = 4 };

/// O_PATH: a descriptor that only stands for the file.
enum { CLINUX_PATH_ONLY = 010000000 };

/// Opens `path` as seen from `directory` (openat2(2)); magic links of /proc are never followed. `rules`: a sum of the
/// above. Returns the descriptor, or -1 with errno set: EXDEV where the path leads out, ELOOP where it meets a link
/// that it must not follow, EAGAIN where somebody moved a directory meanwhile.
static inline int clinux_open_within(int directory, const char *path, int flags, unsigned int rules) {
    struct open_how how = {0};
    how.flags = (uint64_t)flags | 02000000; // O_CLOEXEC
    how.resolve = RESOLVE_NO_MAGICLINKS;
    if (rules & CLINUX_BENEATH) how.resolve |= RESOLVE_BENEATH;
    if (rules & CLINUX_NO_LINKS) how.resolve |= RESOLVE_NO_SYMLINKS;
    if (rules & CLINUX_NO_MOUNTS) how.resolve |= RESOLVE_NO_XDEV;
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

/// Detaches the mount at `target` (umount2(2) with MNT_DETACH and UMOUNT_NOFOLLOW). Returns 0, or -1 with errno set.
int clinux_unmount(const char *target);

/// Removes the network link `name` (RTM_DELLINK). Returns 0, or -1 with errno set: ENODEV where there is none.
int clinux_link_delete(const char *name);

/// Gives the link `name` the IPv4 address `address` (network order) with a prefix of 32 bits (RTM_NEWADDR), or takes it
/// away (RTM_DELADDR). Returns 0, or -1 with errno set: EEXIST, EADDRNOTAVAIL where there is nothing to do.
int clinux_address_add(const char *name, unsigned int address);
int clinux_address_delete(const char *name, unsigned int address);

/// Leads the IPv4 range `range`/`bits` (network order) to the link `name`, with `source` as the address that packets get
/// (RTM_NEWROUTE, replacing what led there), or takes the route away (RTM_DELROUTE). Returns 0, or -1 with errno set:
/// ESRCH where there is none.
int clinux_route_add(const char *name, unsigned int range, unsigned char bits, unsigned int source);
int clinux_route_delete(const char *name, unsigned int range, unsigned char bits);

/// Connects to `port` of the loopback address as seen from the network namespace at `namespace_path`, which the calling
/// thread is in afterwards: to be called on a thread of its own. Returns the connected socket, or -1 with errno set.
int clinux_connect_local(const char *namespace_path, int is_ipv6, uint16_t port, int seconds_max);

/// A pipe that children do not inherit: `ends[0]` reads, `ends[1]` writes. Returns 0, or -1 with errno set (pipe2(2)).
int clinux_pipe(int ends[2]);

/// An unnamed file in memory that children do not inherit. Returns the descriptor, or -1 with errno set.
int clinux_memory_file(void);

/// Lets a child close every descriptor from `first` on (posix_spawn_file_actions_addclosefrom_np(3)).
int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

/// The process's environment, for children.
char **clinux_environ(void);

/// Bounds how much freed memory glibc keeps: arenas, and the sizes in bytes from which blocks are mapped on their own
/// and the heap's end is given back (mallopt(3)). Before the process has threads.
void clinux_bound_heap(int arenas_max, int map_threshold_bytes, int trim_threshold_bytes);

/// Gives freed memory back to the system (malloc_trim(3)).
void clinux_return_freed_memory(void);

/// Reads from a unix socket (recvmsg(2)). A descriptor that comes along is put in `*descriptor`, else -1. Returns the
/// bytes read, 0 at the end, or -1 with errno set.
long clinux_receive(int socket, void *buffer, unsigned long size, int *descriptor);

/// Writes to a unix socket, with `descriptor` unless it is -1 (sendmsg(2)). Returns the bytes written, or -1 with errno
/// set; never raises SIGPIPE.
long clinux_send(int socket, const void *buffer, unsigned long size, int descriptor);

#endif
