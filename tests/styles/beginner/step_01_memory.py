import numpy as np
import torch


def rows_of(t, width):
    print("before", t.shape)
    r = t.reshape(-1, width)
    print("after", r.shape)
    return r


def add_(t, other):
    if t.dim() == 1:
        for i in range(len(t)):
            t[i] = t[i] + other[i]
    else:
        for i in range(len(t)):
            for j in range(len(t[i])):
                t[i][j] = t[i][j] + other[i][j]
    print(t)
    return t


def shared(array):
    t = torch.as_tensor(array)
    print(t)
    return t


def copied(array):
    new = array.copy()
    t = torch.from_numpy(new)
    print(t)
    return t


def flat(t):
    r = t.flatten()
    print(r.shape)
    return r


def shares_memory(t, u):
    old = t.clone()
    before = u.clone()
    # change everything and look at u
    t += 1
    if torch.equal(before, u):
        answer = False
    else:
        answer = True
    # put it back!
    t[:] = old
    print("shares", answer)
    return answer
