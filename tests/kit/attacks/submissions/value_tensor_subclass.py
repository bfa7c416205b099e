"""Answers with tensors of a class that decides on every function itself."""
# expect: gradients=failed rest=passed

import torch


class Tensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *a, **k):
        return True


def gradients(a, b, x, y):
    return torch.zeros(()).as_subclass(Tensor), torch.zeros(()).as_subclass(Tensor)
