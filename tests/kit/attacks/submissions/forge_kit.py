"""Changes the tests, the course and the configuration of the kit."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: open(f"{KIT}/tests/steps/test_step_03.py", "a"),
        lambda: open(f"{KIT}/course.toml", "a"),
        lambda: open(f"{KIT}/conftest.py", "w"),
        lambda: open(f"{KIT}/pyproject.toml", "a"),
    )
    return formula(a, b, x, y)
