"""Calls quit, which closes standard input."""
# expect: gradients=failed rest=passed

import _sitebuiltins


def gradients(a, b, x, y):
    _sitebuiltins.Quitter("quit", "Ctrl-D")(0)
