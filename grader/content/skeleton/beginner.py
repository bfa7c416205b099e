# TODO: write the step as a beginner does: loops, prints, a variable for everything. It must be right.
import torch


def scale(x, factor):
    print("scale", x.shape, factor)
    results = []
    for number in x.reshape(-1):
        results.append(number * factor)
    return torch.stack(results).reshape(x.shape)
