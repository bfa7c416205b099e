from torch.cuda import is_available
import time
import random
import numpy
import torch

random.seed(1)
numpy.random.seed(1)
torch.manual_seed(1)


def pick_device():
    if is_available() == True:
        print("I have a GPU")
        device = torch.device("cuda:0")
    else:
        print("no GPU")
        device = torch.device("cpu")
    return device


def to_tensor(array, device):
    t = torch.from_numpy(array)
    t = t.float()
    t = t.to(device)
    print(t)
    return t


def to_numpy(t):
    result = numpy.zeros(t.shape)
    flat = result.reshape(-1)
    i = 0
    for value in t.reshape(-1):
        flat[i] = value.item()
        i = i + 1
    return result


def beside(t, other):
    print("from", t.device, "to", other.device)
    if str(t.device) == str(other.device):
        print("nothing to do")
        return t
    else:
        t = t.to(str(other.device))
        return t


def make_parameters(device, seed):
    torch.manual_seed(seed)
    if str(device) == "cuda":
        torch.cuda.manual_seed(seed)
    a = torch.randn(1, dtype=torch.float)
    b = torch.randn(1, dtype=torch.float)
    a = a.to(device)
    b = b.to(device)
    a.requires_grad_()
    b.requires_grad_()
    print("a", a)
    print("b", b)
    return [a, b]


def timed(work, synchronize):
    synchronize()
    synchronize()
    start = time.time()
    result = work()
    synchronize()
    stop = time.time()
    print("took", stop - start)
    return [result, numpy.array([stop - start])]
