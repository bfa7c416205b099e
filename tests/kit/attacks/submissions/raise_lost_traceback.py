"""Raises with a traceback from somewhere else."""
# expect: gradients=failed rest=passed

import types

code = compile("raise ValueError('\\x1b[31m')", "<probe/../../etc/passwd>", "exec")


def gradients(a, b, x, y):
    try:
        exec(code, {})
    except ValueError as error:
        raise error.with_traceback(error.__traceback__) from None
