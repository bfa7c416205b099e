"""Reads the hidden tests."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.listdir(f"{KIT}/grader/content/hidden"),
        lambda: open(f"{KIT}/grader/content/hidden/test_step_03.py").read(),
        lambda: open(f"{KIT}/grader/content/hidden/anything", "w"),
    )
    return formula(a, b, x, y)
