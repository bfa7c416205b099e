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


def one_hot(labels, n):
    out = torch.zeros(len(labels), n)
    for i in range(len(labels)):
        out[i][labels[i]] = 1
    print(out)
    return out


def broadcast_shape(p, q):
    a = list(p)
    b = list(q)
    while len(a) < len(b):
        a.insert(0, 1)
    while len(b) < len(a):
        b.insert(0, 1)
    result = []
    for i in range(len(a)):
        if a[i] == b[i]:
            result.append(a[i])
        elif a[i] == 1:
            result.append(b[i])
        elif b[i] == 1:
            result.append(a[i])
        else:
            print("error", p, q)
            raise ValueError("shapes do not fit")
    return tuple(result)


def column(t, j):
    c = t[:, j]
    print(c)
    return c


def mean_of(t):
    total = 0.0
    count = 0
    for v in t.flatten():
        total = total + v.item()
        count = count + 1
    mean = total / count
    print("mean", mean)
    return mean
