"""Asks torch for a thousand threads."""
# expect: gradients=failed|timeout|crashed rest=passed

import torch


def gradients(a, b, x, y):
    torch.set_num_threads(1000)
    torch.ones(1 << 20).exp().sum()
    return 0.0, 0.0
