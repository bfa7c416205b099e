"""Opens the memory of the zygote and of everybody whose number is near."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    near = range(max(2, os.getpid() - 40), os.getpid() + 40)
    pids = [os.getppid(), *(pid for pid in near if pid != os.getpid())]
    through(*(lambda pid=pid: os.open(f"/proc/{pid}/mem", os.O_RDONLY) for pid in pids))
    return formula(a, b, x, y)
