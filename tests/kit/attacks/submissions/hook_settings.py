"""Changes every setting that is global to the worker."""
# expect: gradients=failed rest=passed

import decimal
import locale

import torch

torch.set_default_dtype(torch.float16)
torch.set_grad_enabled(False)
np.seterr(all="raise")
np.set_printoptions(formatter={"all": lambda value: "4.0"})
decimal.getcontext().prec = 1
sys.setswitchinterval(100)
sys.set_int_max_str_digits(0)
locale.setlocale(locale.LC_ALL, "C")
os.umask(0)


def gradients(a, b, x, y):
    return torch.ones(()), np.float64(0)
