"""Opens the environment of the zygote, of itself and of the first process, without reading them."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    pids = (os.getppid(), "self", 1)
    through(*(lambda pid=pid: os.open(f"/proc/{pid}/environ", os.O_RDONLY) for pid in pids))
    return formula(a, b, x, y)
