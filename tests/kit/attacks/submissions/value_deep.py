"""Answers with lists nested a hundred thousand deep."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    result = []
    for _ in range(100_000):
        result = [result]
    return result
