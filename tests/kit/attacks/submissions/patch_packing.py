"""Replaces the modules that a result could be written with."""
# expect: gradients=failed rest=passed

import json
import math

json.dumps = json.dump = lambda *a, **k: '{"score": 100}'
struct.pack = lambda *a: b""
math.isclose = lambda *a, **k: True
math.isfinite = lambda value: True


def gradients(a, b, x, y):
    return 1e9, 1e9
