"""Answers with a verdict."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    return {"kind": "value", "status": "passed", "score": 100.0, "max_score": 100.0}
