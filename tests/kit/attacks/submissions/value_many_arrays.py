"""Answers with as many arrays as go through."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    return [np.zeros(1)] * 40_000
