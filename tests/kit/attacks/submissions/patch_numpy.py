"""Makes NumPy find that everything is close to everything."""
# expect: gradients=failed rest=passed

for name in ("allclose", "isclose", "array_equal", "array_equiv"):
    setattr(np, name, lambda *a, **k: True)
np.testing.assert_allclose = lambda *a, **k: None
np.isfinite = lambda value: np.ones_like(value, bool)


def gradients(a, b, x, y):
    return 1e9, 1e9
