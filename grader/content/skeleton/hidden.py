"""Step XX, hidden: TITLE."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.content.shared_probes import tensor_laid_out
from grader.testing.probes import probe
from grader.testing.strategies import numbers, shapes, tensors


# TODO: write the hidden tests: properties over shapes, sizes, seeds and layouts that nobody could foresee. A probe
# is for what plain calls do not reach; drop it if `learner.scale(...)` will do.
@probe
def scaled(module, x, factor, layout):
    "lay `x` out in memory as `layout` says, call `scale(x, factor)`, and look at `x` again"
    x = tensor_laid_out(x, layout)
    return {"scaled": module.scale(x, factor), "x": x}


@pytest.mark.exercise("scale", "any layout in memory, and x stays as it is", points=3)
@given(
    x=tensors(shapes(0, 4)),
    factor=numbers(),
    layout=st.sampled_from(["plain", "Fortran order", "every second entry"]),
)
def test_scale_of_any_layout(learner, x, factor, layout):
    answer = learner.run(scaled, x=x, factor=factor, layout=layout)
    answer.key("scaled").is_close(factor * x)
    answer.key("x").is_close(x)
