# TODO: write the step as an expert does: in few lines, with float64 inside where that helps.
from torch import Tensor


def scale(x: Tensor, factor: float) -> Tensor:
    return x.double().mul(factor).to(x.dtype)
