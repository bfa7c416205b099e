"""Takes the processor from others, or flees to another one."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.setpriority(os.PRIO_PROCESS, 0, 0),
        lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
        lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
        lambda: reaches(251, 1, 0, 0),
    )
    return formula(a, b, x, y)
