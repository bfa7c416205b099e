"""Answers with a value that is small here and of 2 ** 30 parts once written out."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    result = [0.0]
    for _ in range(30):
        result = [result, result]
    return result
