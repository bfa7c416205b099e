"""Answers with a list that holds itself."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    result = [0.0]
    result.append(result)
    return result
