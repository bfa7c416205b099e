"""Step 05: devices and parameters.

Time: 45 minutes. Difficulty: 2 of 5. You need: steps 00 and 01. A graphics card is not needed.

## Why

So far NumPy did the work, on the processor (the CPU). PyTorch can also work on a graphics
card: the device "cuda". A big model is trained many times faster there. In this step you
move numbers between these worlds, and you make your first parameters.

## Devices

Every tensor lives on one device. Two tensors can only work together when they live on the
same device. A good program runs with and without a graphics card. So it asks first, with
`torch.cuda.is_available()`, each time it runs, and takes what it finds: "cuda" or "cpu".
(Other devices, such as "mps" on a Mac, work in the same way; this course does not use
them.)

The device "meta" helps us to see all this without a card. It keeps shapes and no numbers.

Try it. Each tensor says where it is, and a move to where it is already makes no copy:

    >>> import torch
    >>> t, far = torch.ones(2), torch.ones(2, device="meta")
    >>> t.device, far.device
    (device(type='cpu'), device(type='meta'))
    >>> t.to("cpu") is t, t.to("meta") is t
    (True, False)
    >>> t + far
    Traceback (most recent call last):
    RuntimeError: Tensor on device meta is not on the expected device cpu!

With a card the message begins with "Expected all tensors to be on the same device".

A move makes a new tensor, and the old one stays where it was. And it takes time, since
every number travels. So a tensor that is in the right place should not be moved or copied:
it is taken as it is. The best way is not to move at all: `torch.zeros(2, device=device)`
makes the tensor where it is needed. To bring one tensor to another, nobody has to know the
name of the device: every tensor knows its own.

## From NumPy and back

NumPy arrays hold float64 numbers. PyTorch models work with float32. So two things change on
the way: the dtype, and the device.

    NumPy array (float64, CPU)  ->  tensor (float32, your device)

    >>> import numpy as np
    >>> array = np.array([0.1, 0.2])
    >>> torch.from_numpy(array).dtype, torch.as_tensor(array).float().dtype
    (torch.float64, torch.float32)

The way back has two gates. NumPy knows nothing of gradients, and it only sees the memory of
the CPU. A tensor must leave both worlds before NumPy takes it: `detach()` gives the same
numbers without a gradient, and `cpu()` gives them on the CPU.

    >>> torch.ones(2, requires_grad=True).numpy()
    Traceback (most recent call last):
    RuntimeError: Can't call numpy() on Tensor that requires grad.
    Use tensor.detach().numpy() instead.

## Parameters

A *parameter* is a tensor that we want to train. It has `requires_grad=True`, so PyTorch
records what is computed from it (step 06). And it must be a *leaf*: a tensor that you made,
not the result of a computation. Only leaves receive a gradient in `.grad`. (Older texts
wrap tensors into a `Variable`. Since PyTorch 0.4 every tensor can do this by itself; forget
the word.)

There is a trap: `.to(device)` is a computation! When a tensor already requires a gradient,
its copy on another device is not a leaf. It looks fine on the CPU, where `.to("cpu")`
copies nothing, and breaks on a graphics card:

    order                                      on the CPU      on a card
    make it, require a gradient, move it         a leaf        no leaf!
    make it, move it, require a gradient         a leaf        a leaf

    >>> p = torch.ones(1, requires_grad=True)
    >>> p.is_leaf, p.to("cpu").is_leaf, p.to("meta").is_leaf
    (True, True, False)
    >>> q = torch.ones(1).to("meta")
    >>> q.requires_grad_().is_leaf
    True

Random numbers differ from device to device, even with the same seed. So we draw on the CPU
and move afterwards. With a generator of its own, a function does not disturb the random
numbers of others:

    >>> torch.randn(2, generator=torch.Generator().manual_seed(42))
    tensor([0.3367, 0.1288])

Two calls of `torch.randn(1)` after `torch.manual_seed(42)` give the same two numbers. These
are the start values of `a` and `b` from here on.

## A fair clock

A graphics card works behind your back: a call puts work into a queue and returns at once. A
clock that is stopped at once measures nothing. That is why the sine of 10,000 x 10,000
numbers seems to take no time at all in texts that forget this. So a fair measurement waits
for the queue twice: before the clock starts, and again before it stops.

    clock without waiting:    start | put into the queue | stop
    what really happens:            |======== the card works ========|

With a card this wait is `torch.cuda.synchronize`. In this step it comes as an argument. On
the CPU there is no queue, and nothing to wait for:

    >>> import time
    >>> begin = time.perf_counter()
    >>> result = torch.sin(torch.rand(1000, 1000))
    >>> time.perf_counter() - begin > 0
    True

## Recap

Ask for the device once; make tensors there; move, then require a gradient. Batches travel
to the card one by one, so that the data may be larger than the card's memory: that is step
16.

In PyTorch's documentation: "torch.device", "CUDA semantics", "torch.Tensor.is_leaf".
"""

import time

import numpy as np
import torch


def pick_device() -> torch.device | str:
    """Say where to work: on the graphics card when there is one, else on the CPU.

    The answer belongs to the moment of the call, not to the moment of the import.

    Returns:
        "cuda" when CUDA is available, else "cpu"; a string or a `torch.device`.

    Example:
        >>> str(pick_device()) in ("cuda", "cpu")
        True
    """
    return "cuda" if torch.cuda.is_available() else "cpu"


def to_tensor(array: np.ndarray, device: torch.device | str) -> torch.Tensor:
    """Return the numbers of a NumPy array as a tensor on a device.

    Args:
        array: array of one or more dimensions, of a float or an integer dtype, often float64. It
            is not changed, and does not run backwards, as `array[::-1]` does.
        device: where the tensor should live, for example "cpu" or `torch.device("cuda")`.

    Returns:
        Tensor of the same shape, float32, on `device`. It may share the memory of `array`.

    Example:
        >>> to_tensor(np.array([[1.5], [2.0]]), "cpu")
        tensor([[1.5000],
                [2.0000]])
    """
    return torch.as_tensor(array, dtype=torch.float32, device=device)


def to_numpy(t: torch.Tensor) -> np.ndarray:
    """Return the numbers of a tensor as a NumPy array.

    Args:
        t: tensor of any shape, float32, float64 or of an integer dtype, on the CPU or on a
            graphics card. It may require a gradient, and it may be the result of a
            computation. It is not changed: if it required a gradient before, it still does.

    Returns:
        Array of the same shape with the same numbers. Its dtype is your choice, if it rounds
        none of them. It may share the memory of `t`.

    Example:
        >>> to_numpy(torch.tensor([1.0, 2.0], requires_grad=True)).tolist()
        [1.0, 2.0]
    """
    # detach() leaves the world of gradients, cpu() leaves the graphics card.
    return t.detach().cpu().numpy()


def beside(t: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return a tensor that is on the same device as another one.

    Args:
        t: tensor of any shape and dtype, on any device. It may require a gradient. It is not
            changed.
        other: tensor of any shape and dtype. It only shows the place: it is neither moved nor
            changed.

    Returns:
        A tensor with the numbers, the shape and the dtype of `t`, on the device of `other`. If `t`
        is there already, it is `t` itself and no copy.

    Example:
        >>> t = torch.tensor([1.5, 2.0])
        >>> beside(t, torch.zeros(3, device="meta")).device
        device(type='meta')
        >>> beside(t, torch.zeros(3)) is t
        True
    """
    # to() gives t itself if there is nothing to do.
    return t.to(other.device)


def make_parameters(device: torch.device | str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two parameters of the line, with random start values.

    Args:
        device: where the parameters should live.
        seed: the seed of PyTorch's random numbers, an int from 0 to 2**32 - 1. The same seed
            on the same device gives the same parameters.

    Returns:
        A pair `(a, b)` of tensors of shape (1,), float32, on `device`. Both are leaves
        and require a gradient. On the CPU, `a` and then `b` are equal to two draws of
        `torch.randn(1)` that follow one `torch.manual_seed(seed)`.

    Example:
        >>> a, b = make_parameters("cpu", seed=42)
        >>> a
        tensor([0.3367], requires_grad=True)
        >>> b
        tensor([0.1288], requires_grad=True)
    """
    torch.manual_seed(seed)
    # Made on the device at once: a parameter that is moved later would be no leaf.
    a = torch.randn(1, dtype=torch.float32, device=device, requires_grad=True)
    b = torch.randn(1, dtype=torch.float32, device=device, requires_grad=True)
    return a, b


def timed(work, synchronize) -> tuple:
    """Do some work once and measure how long it takes.

    Args:
        work: a function without arguments. It may put work into a queue and return
            before that work is done.
        synchronize: a function without arguments. It returns when the queue is empty.
            Work that was in the queue before must not be measured; work that `work`
            puts into it must be.

    Returns:
        A pair `(result, seconds)`: what `work` returned, and the time it took, as a
        number of seconds on a clock that also goes on while the program waits.

    Example:
        >>> result, seconds = timed(lambda: 6 * 7, lambda: None)
        >>> result
        42
        >>> 0 <= seconds < 1
        True
    """
    synchronize()
    start = time.perf_counter()
    result = work()
    synchronize()
    seconds = time.perf_counter() - start
    return result, seconds
