"""Takes away the seeding, so that careless answers differ from run to run."""
# expect: gradients=failed rest=passed

import random

import torch

np.random.seed = torch.manual_seed = random.seed = lambda *a: None


def gradients(a, b, x, y):
    return random.random(), np.random.rand()
