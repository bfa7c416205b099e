# my solutions for step 1
import torch
import numpy as np


def rows_of(t, width):
    return t.view(-1, width)


def flat(t):
    return t.view(-1)


def shares_memory(t, u):
    return t.data_ptr() == u.data_ptr()


def add_(t, other):
    t += other
    return t


def shared(array):
    return torch.from_numpy(array)


def copied(array):
    return torch.from_numpy(array.copy())
