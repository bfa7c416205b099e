"""The points of the tutorial. This module is given: there is nothing to write here.

There are 100 points near the line y = 1 + 2 * x, with noise of standard deviation 0.1. They are
shuffled: the first 80 are to train on, the other 20 to validate with. Any module may use them:

    from tutorial_data import x_train, y_train

    x, y               all points, in the order in which they were drawn, shape (100, 1)
    x_train, y_train   the training points, shape (80, 1)
    x_val, y_val       the validation points, shape (20, 1)

All are NumPy arrays of float64. In step 02 you write functions that make such points yourself.
"""

import numpy as np

# A generator of its own gives the same numbers as np.random.seed(42), and leaves the global one alone.
_generator = np.random.RandomState(42)

x = _generator.rand(100, 1)
y = 1 + 2 * x + 0.1 * _generator.randn(100, 1)

# The generator goes on from there. The first points are number 76, 83, 80, 98 and 2.
_order = _generator.permutation(100)
_train, _val = _order[:80], _order[80:]

x_train, y_train = x[_train], y[_train]
x_val, y_val = x[_val], y[_val]
