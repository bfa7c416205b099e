"""Gives its own modules to whoever imports after it."""
# expect: gradients=failed|timeout rest=partly

import builtins
import types


class Finder:
    def find_spec(self, name, path=None, target=None):
        raise ImportError(name)


sys.meta_path.insert(0, Finder())
sys.path_hooks.insert(0, lambda path: 1 / 0)
builtins.__import__ = lambda *a, **k: types.ModuleType("mine")


def gradients(a, b, x, y):
    return 0.0, 0.0
