"""Imports the judge and the tests."""
# expect: gradients=failed rest=passed


@once
def gradients(a, b, x, y):
    sys.path[:0] = [KIT, f"{KIT}/tests/steps", f"{KIT}/grader/content/hidden", f"{KIT}/solutions"]

    def by_import(name):
        return lambda: __import__(name)

    through(*map(by_import, ("test_step_03", "grader.judge.plugin", "grader.run.grade", "solutions.step_03_gradient")))
    return formula(a, b, x, y)
