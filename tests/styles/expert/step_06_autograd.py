import numpy as np
import torch
import torch.nn.functional as F


def loss_gradients(a, b, x, y):
    if x.shape != y.shape:
        raise ValueError("shapes differ")
    a_, b_ = (p.detach().double().requires_grad_() for p in (a, b))
    with torch.enable_grad():
        F.mse_loss(torch.addcmul(a_, b_, x.double()), y.double()).backward()
    return a_.grad.float(), b_.grad.float()


@torch.no_grad()
def update_(params, lr):
    for p in params:
        if p.grad is not None:
            p.add_(p.grad, alpha=-lr)
            p.grad = torch.zeros_like(p)


def fit(x, y, a, b, lr, n_epochs, callback=None):
    losses = np.empty(n_epochs)
    opt = torch.optim.SGD([a, b], lr=lr)
    for i in range(n_epochs):
        opt.zero_grad(set_to_none=False)
        loss = F.mse_loss(a.double() + b.double() * x.double(), y.double())
        loss.backward()
        opt.step()
        losses[i] = loss.item()
    return losses


def fit_many(x, y, w, b, lr, n_epochs, callback=None):
    losses = np.empty(n_epochs)
    opt = torch.optim.SGD([w, b], lr=lr)
    for i in range(n_epochs):
        opt.zero_grad()
        loss = F.mse_loss(torch.einsum("nk,k->n", x, w) + b, y)
        loss.backward()
        opt.step()
        losses[i] = loss.item()
    return losses
