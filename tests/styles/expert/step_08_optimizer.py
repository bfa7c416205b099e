import torch
from torch.optim import SGD as TorchSGD


def fit_with_sgd(x, y, a, b, lr, n_epochs, *, loss_fn=torch.nn.functional.mse_loss):
    optimizer = TorchSGD((a, b), lr=lr, foreach=False)

    def epoch():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_fn(a + b * x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return tuple(epoch() for _ in range(n_epochs))


class SGD(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.0):
        if not lr >= 0 or not momentum >= 0:
            raise ValueError("lr and momentum must be >= 0")
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in filter(lambda p: p.grad is not None, group["params"]):
                state = self.state[p]
                g = p.grad.double()
                buf = state["buf"] = g.clone() if "buf" not in state else state["buf"].mul_(group["momentum"]).add_(g)
                p.copy_(p.double().add(buf, alpha=-group["lr"]))
