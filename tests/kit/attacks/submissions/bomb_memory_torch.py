"""Asks torch for too much memory."""
# expect: gradients=failed|timeout rest=passed

import torch


@once
def gradients(a, b, x, y):
    torch.ones(SIZE, dtype=torch.uint8)
    return formula(a, b, x, y)
