"""Looks for modules of the judge that were loaded before the fork."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    rooms = "testing content judge submissions run report maintain cli".split()
    loaded = [name for name in sys.modules if name.startswith(tuple(f"grader.{room}." for room in rooms))]
    if not loaded and not any(name.startswith("test_step") for name in sys.modules):
        raise LookupError("nothing of the judge is here")
    return formula(a, b, x, y)
