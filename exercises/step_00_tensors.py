"""Step 00: tensors.

Time: 70 minutes. Difficulty: 1 of 5. You need: Python (functions, lists), a little NumPy.

## Why

A model learns from numbers: house prices, pixels, words that were turned into numbers.
PyTorch keeps all of them in one kind of box, the *tensor*. In the steps that follow you
will train models with it. First you learn to make such a box, to look into it, and to say
what shape it has.

## The box

One number alone is a *scalar*. A row of numbers is a *vector*. A table is a *matrix*. A
tensor is the common name, for any number of dimensions:

    scalar      vector        matrix            tensor of 3 dimensions
       7        7 8 9         7 8 9             two (or more) matrices,
                              4 5 6             one behind the other
    ()          (3,)          (2, 3)            (2, 2, 3)           <- the shape

Four facts describe the box:

    shape   how long it is along every dimension, for example (2, 3)
    dtype   the kind of the numbers, for example torch.float32 or torch.int64
    ndim    how many dimensions: the length of the shape
    numel   how many numbers: the product of the shape

Try it. Open a terminal in the folder `exercises` and start Python: `../.venv/bin/python`,
or just `python` if you installed the package. Type what follows `>>>`; Python's answer is
on the line below. Do not just read it: predict the answer first, then look.

    >>> import torch
    >>> t = torch.tensor([[7, 8, 9], [4, 5, 6]])
    >>> t.shape, t.size(), t.dtype
    (torch.Size([2, 3]), torch.Size([2, 3]), torch.int64)
    >>> torch.tensor([1.0, 2.0]).dtype, torch.tensor([1, 2]).dtype, torch.tensor([True]).dtype
    (torch.float32, torch.int64, torch.bool)

The values determine the dtype: with a decimal point you get float32, without one int64.
NumPy differs here: it makes float64. These methods give a tensor of another dtype, and
`.to(...)` does the same for any dtype, for example `.to(torch.int8)`:

    .double()   float64, also torch.double        .long()   int64, also torch.long
    .float()    float32, also torch.float         .half()   float16, also torch.half

In most of the steps that follow, tensors are float32.

There are many ways to make a box. `torch.empty` is the odd one out: it fills in nothing, so
you see what was in the memory before.

    >>> torch.zeros(2, 3).dtype, torch.ones(2, dtype=torch.long)
    (torch.float32, tensor([1, 1]))
    >>> torch.zeros_like(t).dtype
    torch.int64
    >>> torch.empty(2, 3).shape
    torch.Size([2, 3])

Random numbers come from a generator. A *seed* sets its start. Same seed, same numbers: so
you can repeat an experiment. `rand` draws evenly from [0, 1), `randn` around 0 (the "n" is
for normal), `randint` draws whole numbers.

    >>> generator = torch.Generator().manual_seed(42)
    >>> torch.randint(0, 10, (6,), generator=generator)
    tensor([2, 7, 6, 4, 6, 5])

## Picking numbers out

Rows and columns are counted from 0. A negative number starts at the other end: -1 means the
last one. A colon means "all".

    matrix:  7 8 9       row 1:  4 5 6       column 1:  8 5       column -1:  9 6
             4 5 6

    >>> t[1], t[1, :], t[:, 0:2].shape
    (tensor([4, 5, 6]), tensor([4, 5, 6]), torch.Size([2, 2]))
    >>> t[0][1], t[0, 1]
    (tensor(8), tensor(8))
    >>> t[0, 1].item()
    8

To change a number, assign to its place: `t[1, 2] = 9`.

When you pick a row or a column, one dimension is gone: what is left has the shape (3,) or
(2,). No number is copied for this. Row and column are *views*: they show the memory of the
matrix, and step 01 says more about it. Even one number is still a tensor, with the shape
(). `item()` takes the plain Python number out.

## Tensors of two shapes together

`t + 1` adds 1 to every number. It works even though 1 is not a matrix: PyTorch stretches
it. This is *broadcasting*. Write one shape below the other, so that both end at the same
place:

    (4, 1, 3)            (2, 3)            (2, 3)
       (5, 3)              (2,)            (3, 1)
    ---------            ------            ------
    (4, 5, 3)            error             error

Each column must hold two equal lengths, or a 1. This 1 becomes the other length, even when
that is 0. What is missing on the left counts as 1. In the second example, 3 and 2 do not
fit; in the third, 3 and 1 do, but 2 and 3 do not. Shapes that do not fit are an error:

    >>> (torch.zeros(4, 1, 3) + torch.zeros(5, 3)).shape
    torch.Size([4, 5, 3])
    >>> torch.zeros(2, 3) + torch.zeros(2)
    Traceback (most recent call last):
    RuntimeError: The size of tensor a (3) must match the size of tensor b (2)
    at non-singleton dimension 1

The opposite case is worse: two shapes that fit by accident. Remember this for step 09.

## One number for many

A mean can have a fractional part, and an int64 is always a whole number. So PyTorch refuses
to take the mean of whole numbers; you must choose another dtype first:

    >>> torch.tensor([1.0, 2.0, 6.0]).mean()
    tensor(3.)
    >>> torch.tensor([1, 2, 6]).mean()
    Traceback (most recent call last):
    RuntimeError: mean(): could not infer output dtype. Input dtype must be ...

Dividing the sum with `//` does not give a mean: `//` rounds down to a whole number. And
beware of small dtypes. A uint8 ends at 255, so in it 200 + 100 is 44:

    >>> 9 // 2, torch.tensor([200], dtype=torch.uint8) + torch.tensor([100], dtype=torch.uint8)
    (4, tensor([44], dtype=torch.uint8))

A list of class numbers, the *labels*, is often turned into a table of zeros and ones. There
is one row for each label, and one column for each class. This is called *one-hot*. Three
labels, four classes:

    labels 2, 0, 3       0 0 1 0
                         1 0 0 0
                         0 0 0 1

Two products are often mixed up. The matrix product, written with an `@` between the two,
goes along a row of p and down a column of q:

    1 2   times   5 6      1*5 + 2*7   1*6 + 2*8      19 22
    3 4           7 8      3*5 + 4*7   3*6 + 4*8      43 50

The number in row i and column j is

    result[i, j] = sum over k of p[i, k] * q[k, j]

It is not the same as `p * q`, which multiplies number by number. For two vectors, the same
sum gives one number, the dot product:

    >>> p, q = torch.tensor([1.0, 2.0]), torch.tensor([5.0, 7.0])
    >>> p * q, torch.dot(p, q)
    (tensor([ 5., 14.]), tensor(19.))

## About the course

It follows a well-known text, "Understanding PyTorch with an example: a step-by-step
tutorial" by Daniel Voigt Godoy (2019). Where a lesson says "the tutorial", it means that
text. Some of it is out of date by now; the lessons say where.

## Recap

You can make tensors, name their shape and dtype, pick numbers out, and say what two shapes
give together. Shapes come back in every step; a shape that fits by accident is the trap of
step 09; one-hot and class numbers return in step 19.

In PyTorch's documentation: "torch.Tensor", "Creation Ops", "Broadcasting semantics".
"""

import torch


def describe(t: torch.Tensor) -> dict:
    """Return the four facts that describe a tensor.

    Args:
        t: any tensor.

    Returns:
        A dict with four keys: `"shape"`, a tuple of int; `"dtype"`, the name of the dtype
        as `str` gives it, such as `"torch.float32"`; `"ndim"`, the number of dimensions,
        an int; `"numel"`, how many numbers the tensor holds, an int.

    Example:
        >>> facts = describe(torch.zeros(2, 3))
        >>> facts["shape"] == (2, 3), facts["dtype"], facts["ndim"], facts["numel"]
        (True, 'torch.float32', 2, 6)
    """
    # TODO: Return the four facts that describe a tensor.
    raise NotImplementedError("`describe` is not written yet.")


def checkerboard(n: int) -> torch.Tensor:
    """Return a checkerboard of zeros and ones.

    Args:
        n: how many rows and how many columns, an int of at least 1.

    Returns:
        Tensor of shape (n, n), int64: 0 where row + column is even, else 1. Rows and
        columns are counted from 0, so the number in the first corner is 0.

    Example:
        >>> checkerboard(3).tolist()
        [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    # TODO: Return a checkerboard of zeros and ones.
    raise NotImplementedError("`checkerboard` is not written yet.")


def one_hot(labels: torch.Tensor, n: int) -> torch.Tensor:
    """Return labels as rows of zeros with a single 1.

    Args:
        labels: tensor of shape (k,), int64: one or more labels, each from 0 to n - 1.
        n: how many labels there can be, an int of at least 1. Some may not occur.

    Returns:
        Tensor of shape (k, n), float32: row i holds a 1 in column `labels[i]`, and 0 in
        all other columns.

    Example:
        >>> one_hot(torch.tensor([2, 0]), 4).tolist()
        [[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    """
    # TODO: Return labels as rows of zeros with a single 1.
    raise NotImplementedError("`one_hot` is not written yet.")


def broadcast_shape(p: tuple, q: tuple) -> tuple:
    """Return the shape that tensors of two shapes have together, for example when they are added.

    Args:
        p: a shape, a tuple of int that are 0 or larger. It may be empty: a tensor without
            dimensions has this shape.
        q: another shape. It may be longer or shorter than `p`.

    Returns:
        The shape of the sum, a tuple of int. It has as many sizes as the longer shape.

    Raises:
        ValueError: if the shapes do not fit, because two sizes differ and none of them is 1.

    Example:
        >>> broadcast_shape((5, 1, 3), (4, 1)) == (5, 4, 3)
        True
    """
    # TODO: Return the shape that tensors of two shapes have together, for example when they are added.
    raise NotImplementedError("`broadcast_shape` is not written yet.")


def column(t: torch.Tensor, j: int) -> torch.Tensor:
    """Return one column of a matrix, as a view.

    Args:
        t: tensor of shape (n, m), of a float or an integer dtype, in memory in any order.
        j: the number of the column, an int from -m to m - 1. Below 0 it counts from the end.

    Returns:
        Tensor of shape (n,), with t's dtype. It is a view of `t`, not a copy: a number that is
        written into one of them is seen in the other.

    Example:
        >>> t = torch.tensor([[1, 2, 3], [4, 5, 6]])
        >>> column(t, 1).tolist(), column(t, -1).tolist()
        ([2, 5], [3, 6])
    """
    # TODO: Return one column of a matrix, as a view.
    raise NotImplementedError("`column` is not written yet.")


def corner(t: torch.Tensor) -> float:
    """Return the last number of the last row of a matrix.

    Args:
        t: tensor of shape (n, m), of a float or an integer dtype.

    Returns:
        A plain Python number, not a tensor: a `float` for a tensor of floats, an `int` for
        a tensor of integers.

    Example:
        >>> corner(torch.tensor([[1.5, 2.5], [3.5, 4.5]]))
        4.5
        >>> corner(torch.tensor([[1, 2], [3, 4]]))
        4
    """
    # TODO: Return the last number of the last row of a matrix.
    raise NotImplementedError("`corner` is not written yet.")


def mean_of(t: torch.Tensor) -> float:
    """Return the mean of all numbers in a tensor.

    Args:
        t: tensor of one or more numbers, of any shape. Its dtype is float32, float64, bool, or
            any integer dtype, such as int64 or the small uint8.

    Returns:
        The mean, for every dtype a `float` and no tensor. True counts as 1 and False as 0. A
        float of NumPy is a float, too.

    Example:
        >>> mean_of(torch.tensor([[1, 2], [3, 4]]))
        2.5
        >>> mean_of(torch.tensor([True, False, False, False]))
        0.25
    """
    # TODO: Return the mean of all numbers in a tensor.
    raise NotImplementedError("`mean_of` is not written yet.")


def uniform_like(t: torch.Tensor, seed: int) -> torch.Tensor:
    """Return random numbers, uniform in [0, 1), in the shape of a tensor.

    Args:
        t: a tensor of one or more dimensions. Only its shape matters: not its dtype, and not
            the order of its numbers in memory, which `torch.rand_like` follows.
        seed: the seed of the random numbers, an int from 0 to 2**32 - 1.

    Returns:
        Tensor of t's shape, float32, whatever the dtype of t. The numbers are the first that
        PyTorch draws on the CPU after its generator, the global one or one of your own, was
        given this seed.

    Example:
        >>> [round(v, 4) for v in uniform_like(torch.zeros(3), 42).tolist()]
        [0.8823, 0.915, 0.3829]
    """
    # TODO: Return random numbers, uniform in [0, 1), in the shape of a tensor.
    raise NotImplementedError("`uniform_like` is not written yet.")


def matmul(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return the matrix product of two matrices.

    Args:
        p: tensor of shape (n, k), float32.
        q: tensor of shape (k, m), float32.

    Returns:
        Tensor of shape (n, m), float32.

    Example:
        >>> matmul(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]])).tolist()
        [[11.0]]
    """
    # TODO: Return the matrix product of two matrices.
    raise NotImplementedError("`matmul` is not written yet.")
