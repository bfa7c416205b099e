import torch

torch.manual_seed(42)


def fit_with_sgd(x, y, a, b, lr, n_epochs):
    opt = torch.optim.SGD([a, b], lr)
    losses = []
    i = 0
    while i < n_epochs:
        opt.zero_grad()
        yhat = a + b * x
        loss = ((yhat - y) ** 2).mean()
        print("epoch", i, "loss", loss)
        loss.backward()
        opt.step()
        losses.append(float(loss.detach().numpy()))
        i += 1
    return losses


class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params = []
        for p in params:
            self.params.append(p)
        if lr < 0.0:
            raise ValueError("negative lr")
        if momentum < 0.0:
            raise ValueError("negative momentum")
        self.lr = lr
        self.momentum = momentum
        self.v = {}
        print("made")

    def step(self):
        n = 0
        for p in self.params:
            if p.grad is not None:
                if n not in self.v:
                    self.v[n] = torch.zeros(p.shape)
                self.v[n] = self.momentum * self.v[n] + p.grad
                p.data -= self.lr * self.v[n]
            n = n + 1

    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()
        print("cleared")
        return self.params
