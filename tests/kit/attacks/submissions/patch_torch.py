"""Makes torch find that everything is equal."""
# expect: gradients=failed|timeout rest=passed

import torch

torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
torch.Tensor.__eq__ = lambda self, other: True
torch.Tensor.allclose = lambda *a, **k: True


def gradients(a, b, x, y):
    return torch.tensor(1e9), torch.tensor(1e9)
