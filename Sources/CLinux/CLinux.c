#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <malloc.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

char **clinux_environ(void) {
    return environ;
}

int clinux_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}

int clinux_memory_file(void) {
    return memfd_create("skiff", MFD_CLOEXEC);
}

int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int clinux_pidfd_open(pid_t pid, unsigned int flags) {
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int clinux_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}

int clinux_unmount(const char *target) {
    return umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/// Sends one request to the kernel's routing family and waits for its verdict.
static int route_request(const void *request, size_t length) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -1;
    char answer[4096];
    ssize_t count = -1;
    if (send(fd, request, length, 0) == (ssize_t)length) count = recv(fd, answer, sizeof(answer), 0);
    int saved = errno;
    close(fd);
    if (count < (ssize_t)(sizeof(struct nlmsghdr) + sizeof(struct nlmsgerr))) {
        errno = count < 0 ? saved : EPROTO;
        return -1;
    }
    const struct nlmsgerr *result = NLMSG_DATA((struct nlmsghdr *)answer);
    if (result->error != 0) {
        errno = -result->error;
        return -1;
    }
    return 0;
}

int clinux_link_delete(const char *name) {
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } request = {0};
    unsigned int index = if_nametoindex(name);
    if (index == 0) {
        errno = ENODEV;
        return -1;
    }
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = RTM_DELLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.link.ifi_family = AF_UNSPEC;
    request.link.ifi_index = (int)index;
    return route_request(&request, sizeof(request));
}

static int change_address(const char *name, unsigned int address, int type, int flags) {
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg interface;
        struct rtattr attribute;
        unsigned int address;
    } request = {0};
    unsigned int index = if_nametoindex(name);
    if (index == 0) {
        errno = ENODEV;
        return -1;
    }
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = (unsigned short)type;
    request.header.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
    request.interface.ifa_family = AF_INET;
    request.interface.ifa_prefixlen = 32;
    request.interface.ifa_index = index;
    request.attribute.rta_len = RTA_LENGTH(sizeof(address));
    request.attribute.rta_type = IFA_LOCAL;
    request.address = address;
    return route_request(&request, sizeof(request));
}

int clinux_address_add(const char *name, unsigned int address) {
    return change_address(name, address, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
}

int clinux_address_delete(const char *name, unsigned int address) {
    return change_address(name, address, RTM_DELADDR, 0);
}

static int change_route(
    const char *name, unsigned int range, unsigned char bits, unsigned int source, int type, int flags) {
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
        struct rtattr range_attribute;
        unsigned int range;
        struct rtattr link_attribute;
        unsigned int link;
        struct rtattr source_attribute;
        unsigned int source;
    } request = {0};
    unsigned int index = if_nametoindex(name);
    if (index == 0) {
        errno = ENODEV;
        return -1;
    }
    // The source comes last: without one the message ends before it.
    unsigned int size = source != 0 ? sizeof(request) : sizeof(request) - RTA_LENGTH(sizeof(source));
    request.header.nlmsg_len = size;
    request.header.nlmsg_type = (unsigned short)type;
    request.header.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
    request.route.rtm_family = AF_INET;
    request.route.rtm_dst_len = bits;
    request.route.rtm_table = RT_TABLE_MAIN;
    request.route.rtm_protocol = RTPROT_STATIC;
    request.route.rtm_scope = RT_SCOPE_LINK;
    request.route.rtm_type = RTN_UNICAST;
    request.range_attribute.rta_len = RTA_LENGTH(sizeof(range));
    request.range_attribute.rta_type = RTA_DST;
    request.range = range;
    request.link_attribute.rta_len = RTA_LENGTH(sizeof(index));
    request.link_attribute.rta_type = RTA_OIF;
    request.link = index;
    request.source_attribute.rta_len = RTA_LENGTH(sizeof(source));
    request.source_attribute.rta_type = RTA_PREFSRC;
    request.source = source;
    return route_request(&request, size);
}

int clinux_route_add(const char *name, unsigned int range, unsigned char bits, unsigned int source) {
    return change_route(name, range, bits, source, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
}

int clinux_route_delete(const char *name, unsigned int range, unsigned char bits) {
    return change_route(name, range, bits, 0, RTM_DELROUTE, 0);
}

void clinux_bound_heap(int arenas_max, int map_threshold_bytes, int trim_threshold_bytes) {
    mallopt(M_ARENA_MAX, arenas_max);
    mallopt(M_MMAP_THRESHOLD, map_threshold_bytes);
    mallopt(M_TRIM_THRESHOLD, trim_threshold_bytes);
}

void clinux_return_freed_memory(void) {
    malloc_trim(0);
}

int clinux_connect_local(const char *namespace_path, int is_ipv6, uint16_t port, int seconds_max) {
    int target = open(namespace_path, O_RDONLY | O_CLOEXEC);
    if (target < 0) return -1;
    int entered = setns(target, CLONE_NEWNET);
    int reason = errno;
    close(target);
    if (entered != 0) {
        errno = reason;
        return -1;
    }
    int descriptor = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    struct timeval limit = {.tv_sec = seconds_max};
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int connected = is_ipv6 ? connect(descriptor, (struct sockaddr *)&six, sizeof(six))
                            : connect(descriptor, (struct sockaddr *)&four, sizeof(four));
    if (connected == 0) return descriptor;
    reason = errno == EINPROGRESS ? ETIMEDOUT : errno;
    close(descriptor);
    errno = reason;
    return -1;
}

long clinux_receive(int socket, void *buffer, unsigned long size, int *descriptor) {
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    *descriptor = -1;
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0) return -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int))) {
            memcpy(descriptor, CMSG_DATA(c), sizeof(int));
        }
    }
    return count;
}

long clinux_send(int socket, const void *buffer, unsigned long size, int descriptor) {
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {.iov_base = (void *)buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        memset(control, 0, sizeof(control));
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &descriptor, sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}
