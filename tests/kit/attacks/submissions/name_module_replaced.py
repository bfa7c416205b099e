"""Takes itself out of the list of modules, and its name away."""
# expect: gradients=failed rest=passed

del sys.modules[__name__]
__name__ = __file__ = __builtins__ = 10**5000
linecache = sys.modules["linecache"]
linecache.cache.clear()
linecache.getline = lambda *a: "\x1b[31m" * 1000


def gradients(a, b, x, y):
    raise ValueError("no")
