# my solutions for step 0
import torch
import numpy as np


def describe(t):
    d = {}
    d["shape"] = t.shape
    d["dtype"] = str(t.dtype)
    d["ndim"] = len(t.shape)
    n = 1
    for s in t.shape:
        n = n * s
    d["numel"] = n
    print("describe:", d)
    return d


def checkerboard(n):
    board = torch.zeros(n, n)
    for i in range(n):
        for j in range(n):
            if (i + j) % 2 == 1:
                board[i, j] = 1
    return board


def one_hot(labels, n):
    out = torch.zeros(len(labels), n)
    for i in range(len(labels)):
        out[i, labels[i]] = 1
    return out


def broadcast_shape(p, q):
    return tuple(torch.broadcast_shapes(p, q))


def column(t, j):
    return t[:, j : j + 1]


def mean_of(t):
    return t.mean().item()


def uniform_like(t, seed):
    torch.manual_seed(seed)
    return torch.rand(t.shape)


def corner(t):
    return t[-1][-1]


def matmul(p, q):
    rows, inner = p.shape
    cols = q.shape[1]
    out = torch.zeros(rows, cols, dtype=p.dtype)
    for i in range(rows):
        for j in range(cols):
            for k in range(inner):
                out[i, j] += p[i, k] * q[k, j]
    return out
