"""Looks for processes of others that it may signal, and for all at once; sends the empty signal only."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    near = range(max(2, os.getpid() - 40), os.getpid() + 40)
    pids = [-1, 0, 1, *(pid for pid in near if pid != os.getpid())]
    through(*(lambda pid=pid: os.kill(pid, 0) for pid in pids))
    return formula(a, b, x, y)
