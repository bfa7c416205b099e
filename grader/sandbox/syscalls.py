"""The seccomp filter: the system calls that computing needs, and no other.

Everything that is not named fails with EPERM: sockets, exec, new processes, signals to others,
ptrace, chmod, mounts, System V IPC, memfd, io_uring, bpf, keys, and whatever a later kernel adds.
libseccomp writes the filter; it refuses other architectures and x32 by itself.
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
# Without mremap: a piece of the stack that is made larger escapes the limit on data.
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
# Copies of descriptors, their flags, and locks: F_DUPFD to F_SETLKW, and F_DUPFD_CLOEXEC. Nothing that
# lets the kernel send signals (F_SETOWN, F_SETSIG), watch folders or make pipes larger.
_FCNTLS = (*range(8), 1030)
# Terminals and descriptors: TCGETS, FIONBIO, FIOCLEX, FIONCLEX, FIONREAD. Nothing that types into a
# terminal.
_IOCTLS = (0x5401, 0x5421, 0x5451, 0x5450, 0x541B)
# PR_SET_NAME, PR_GET_NAME, PR_SET_VMA: names of threads and of memory.
_PRCTLS = (15, 16, 0x53564D41)


def build_filter() -> Any:
    """Return the filter; `load()` of it is for this process and for good.

    Raises:
        Exception: libseccomp is missing, or too old.
    """
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in " ".join((_FILES, _MEMORY, _THREADS, _SIGNALS, _ABOUT_ITSELF, _TIME)).split():
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except (OSError, ValueError):
            # A name that this architecture or this libseccomp does not have: then it stays refused.
            continue
    # A thread, but no process. clone3 hides its flags from a filter; without it, the C library
    # takes clone.
    thread = seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD)
    rules.add_rule(seccomp.ALLOW, "clone", thread)
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # Memory that counts as the process's own: what is shared, or grows downwards as a stack does, would
    # escape the limit on data.
    mask = _MAP_SHARED_ANONYMOUS | _MAP_GROWSDOWN
    for wrong in range(_MAP_SHARED_ANONYMOUS + 1):
        if wrong & ~_MAP_SHARED_ANONYMOUS == 0 and wrong != _MAP_SHARED_ANONYMOUS:
            private = seccomp.Arg(3, seccomp.MASKED_EQ, mask, wrong)
            rules.add_rule(seccomp.ALLOW, "mmap", private)
    for number in _FCNTLS:
        rules.add_rule(seccomp.ALLOW, "fcntl", seccomp.Arg(1, seccomp.EQ, number))
    for number in _IOCTLS:
        rules.add_rule(seccomp.ALLOW, "ioctl", seccomp.Arg(1, seccomp.EQ, number))
    for number in _PRCTLS:
        rules.add_rule(seccomp.ALLOW, "prctl", seccomp.Arg(0, seccomp.EQ, number))
    # Asking for limits, not setting them.
    rules.add_rule(seccomp.ALLOW, "prlimit64", seccomp.Arg(2, seccomp.EQ, 0))
    return rules
