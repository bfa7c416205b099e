import torch
import torch.nn as nn
import torch.nn.functional as F


class ManualLinearRegression(nn.Module):
    def __init__(self):
        super(ManualLinearRegression, self).__init__()
        torch.manual_seed(42)
        self.b = nn.Parameter(torch.randn(1, requires_grad=True, dtype=torch.float))
        self.a = nn.Parameter(torch.randn(1, requires_grad=True, dtype=torch.float))
        self.number_of_calls = 0

    def forward(self, x):
        print("forward with", x.shape)
        self.number_of_calls = self.number_of_calls + 1
        rows = []
        for i in range(x.shape[0]):
            rows.append(self.a + self.b * x[i])
        return torch.stack(rows)


class LayerLinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(in_features=1, out_features=1, bias=True)

    def forward(self, x):
        out = self.linear(x)
        print(out)
        return out


def make_sequential():
    torch.manual_seed(42)
    model = nn.Sequential()
    model.add_module("linear", nn.Linear(1, 1))
    return model


class MyNet(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.output = nn.Linear(n_hidden, n_out)
        self.hidden = nn.Linear(n_in, n_hidden)

    def forward(self, x):
        h = self.hidden(x)
        h = F.relu(h)
        return self.output(h)


def make_mlp(n_in, n_hidden, n_out):
    net = MyNet(n_in, n_hidden, n_out)
    print(net)
    return net


def count_trainable(model):
    total = 0
    for name, p in model.named_parameters():
        if p.requires_grad == True:
            n = 1
            for s in p.shape:
                n = n * s
            total = total + n
    return total
