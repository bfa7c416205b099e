"""The seccomp filter: allows the system calls that computing needs, and no others.

Everything that is not named here fails with EPERM: sockets, exec, new processes, signals to others,
ptrace, chmod, mounts, System V IPC, memfd, io_uring, bpf, keys, and whatever later kernels add.
libseccomp generates the filter, and refuses other architectures and x32 by itself.
"""

from __future__ import annotations

import errno
from typing import Any

_FILES = """
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek close close_range
    openat openat2 open stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2
    readlink readlinkat getcwd chdir fchdir getdents getdents64 mkdir mkdirat rmdir unlink unlinkat
    rename renameat renameat2 truncate ftruncate fallocate fsync fdatasync fadvise64 flock umask
    dup dup2 dup3 pipe pipe2 eventfd2 poll ppoll select pselect6 epoll_create1 epoll_ctl
    epoll_wait epoll_pwait copy_file_range sendfile
"""
# Without mremap, because a piece of the stack that it enlarges escapes the limit on data.
_MEMORY = "munmap mprotect madvise brk mincore mlock munlock msync"
_THREADS = """
    futex set_robust_list get_robust_list set_tid_address rseq sched_yield sched_getaffinity
    sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min membarrier
    arch_prctl exit exit_group restart_syscall
"""
_SIGNALS = "rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack rt_sigpending rt_sigtimedwait"
_ABOUT_ITSELF = """
    getpid gettid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getgroups getresuid
    getresgid capget uname sysinfo getrusage getrlimit times getcpu getrandom
"""
_TIME = """
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getitimer setitimer alarm
    timerfd_create timerfd_settime timerfd_gettime
"""

_CLONE_THREAD = 0x10000
_MAP_SHARED_ANONYMOUS, _MAP_GROWSDOWN = 0x21, 0x100
# F_DUPFD to F_SETLKW, and F_DUPFD_CLOEXEC: copies of descriptors, their flags, and locks. Nothing that
# makes the kernel send signals (F_SETOWN, F_SETSIG), watch folders or enlarge pipes.
_FCNTLS = (*range(8), 1030)
# TCGETS, FIONBIO, FIOCLEX, FIONCLEX, FIONREAD: about terminals and descriptors. Nothing that types into
# a terminal.
_IOCTLS = (0x5401, 0x5421, 0x5451, 0x5450, 0x541B)
# PR_SET_NAME, PR_GET_NAME, PR_SET_VMA: names of threads and memory areas.
_PRCTLS = (15, 16, 0x53564D41)


def build_filter() -> Any:
    """Return the filter; its method `load` applies it to the calling process for good.

    Raises:
        Exception: libseccomp is missing or too old.
    """
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in " ".join((_FILES, _MEMORY, _THREADS, _SIGNALS, _ABOUT_ITSELF, _TIME)).split():
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except (OSError, ValueError):
            # This architecture or libseccomp does not know the name, so it stays refused.
            continue
    # Threads, but no processes. clone3 hides its flags from filters; with ENOSYS, the C library falls
    # back to clone.
    thread = seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD)
    rules.add_rule(seccomp.ALLOW, "clone", thread)
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # Only memory that the limit on data counts: not memory that is shared and anonymous, or that grows
    # downwards as a stack does.
    mask = _MAP_SHARED_ANONYMOUS | _MAP_GROWSDOWN
    for flags in range(_MAP_SHARED_ANONYMOUS):
        if flags & ~_MAP_SHARED_ANONYMOUS == 0:
            counted = seccomp.Arg(3, seccomp.MASKED_EQ, mask, flags)
            rules.add_rule(seccomp.ALLOW, "mmap", counted)
    for number in _FCNTLS:
        rules.add_rule(seccomp.ALLOW, "fcntl", seccomp.Arg(1, seccomp.EQ, number))
    for number in _IOCTLS:
        rules.add_rule(seccomp.ALLOW, "ioctl", seccomp.Arg(1, seccomp.EQ, number))
    for number in _PRCTLS:
        rules.add_rule(seccomp.ALLOW, "prctl", seccomp.Arg(0, seccomp.EQ, number))
    # Reading limits, not setting them.
    rules.add_rule(seccomp.ALLOW, "prlimit64", seccomp.Arg(2, seccomp.EQ, 0))
    return rules
