"""Looks for modules of the judge that were loaded before the fork."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    judges = "answers learner plugin grade verdicts course submission strategies properties".split()
    loaded = [name for name in judges if f"grader.{name}" in sys.modules]
    if not loaded and not any(name.startswith("test_step") for name in sys.modules):
        raise LookupError("nothing of the judge is here")
    return formula(a, b, x, y)
