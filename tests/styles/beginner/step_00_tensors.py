import numpy as np
import torch


def describe(t):
    result = {}
    result["shape"] = t.size()
    result["dtype"] = str(t.dtype)
    result["ndim"] = len(t.size())
    count = 1
    for s in t.size():
        count = count * s
    result["numel"] = count
    result["device"] = str(t.device)
    print(result)
    return result


def checkerboard(n):
    board = torch.zeros(n, n, dtype=torch.long)
    for i in range(n):
        for j in range(n):
            if (i + j) % 2 == 1:
                board[i][j] = 1
    print(board)
    return board


def uniform_like(t, seed):
    torch.manual_seed(seed)
    r = torch.rand(t.size())
    print("random", r)
    return r


def corner(t):
    rows = t.shape[0]
    cols = t.shape[1]
    return t[rows - 1][cols - 1].item()


def matmul(p, q):
    n = p.shape[0]
    k = p.shape[1]
    m = q.shape[1]
    out = torch.zeros(n, m)
    for i in range(n):
        for j in range(m):
            total = 0
            for l in range(k):
                total = total + p[i][l] * q[l][j]
            out[i][j] = total
    return out
