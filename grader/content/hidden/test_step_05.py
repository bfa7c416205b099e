"""Step 05, hidden: devices, memory layouts and clocks that the learner's code cannot foresee.

Whether a tensor is on its device, is a leaf or is still in the graph shows when a probe works with it
afterwards. The clock is judged against what a probe measures around it and inside it.
"""

import contextlib
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.content.references import CLOCK_TICK, result_and_seconds
from grader.content.shared_probes import (
    DEVICES,
    array_laid_out,
    call_for_card,
    devices_picked,
    on_card,
    tensor_laid_out,
)
from grader.testing.probes import probe
from grader.testing.strategies import (
    all_seeds,
    arrays,
    numbers,
    seed_pairs,
    shapes,
    tensor_points,
    tensors,
)

# A number that goes to float32 may lose its last bit, 6e-8 of it, and no more.
LAST_BIT = {"rtol": 1e-7, "atol": 0.0}

layouts = st.sampled_from(["plain", "turned", "every second"])
factors = st.sampled_from([-3.0, -1.5, 0.5, 2.0])


# pick_device


@probe
def pick_with_cards(module, cards):
    """for each number, pretend that this many graphics cards are there, and call
    `pick_device()`"""
    return devices_picked(module, cards)


@pytest.mark.exercise("pick_device", "cards come and go", points=3)
@given(cards=st.lists(st.integers(0, 2), min_size=2, max_size=6))
def test_pick_device_at_any_moment(learner, cards):
    answer = learner.run(pick_with_cards, cards=cards)
    expected = ["cuda" if card else "cpu" for card in cards]
    picked = [device.value for device in answer.each()]
    answer.check(
        picked == expected,
        f"With {', '.join(map(str, cards))} cards, one call after another, expected {expected} from "
        f"pick_device(), got {picked}. Look for the card at every call.",
    )


@probe
def work_there(module, t):
    """move `t` to the device that `pick_device()` returns, double it there, and move it back"""
    device = module.pick_device()
    # `to(None)` is no error, and moves nothing.
    return device if device is None else (2 * t.to(device=device)).cpu()


@pytest.mark.exercise("pick_device", "its result is a device to work on", points=2)
@settings(max_examples=5)
@given(t=tensors(shapes()))
def test_pick_device_is_a_place_to_work(learner, t):
    learner.run(work_there, t=t).is_close(2 * t)


# to_tensor


@probe
def to_tensor_of_view(module, array, layout):
    """lay the array out in memory as `layout` says, and call `to_tensor` with the device "cpu" """
    array = array_laid_out(array, layout)
    t = module.to_tensor(array=array, device="cpu")
    return {"tensor": t, "array": array}


@st.composite
def number_arrays(draw):
    """Arrays of many dtypes; those of floats hold numbers that float32 has to round."""
    array = draw(arrays(shapes(1, 3)))
    # Mostly float64, which a careless change of the array itself would round.
    dtype = draw(
        st.sampled_from(["float64"] * 3 + ["float32", "float16", "int64", "int32", "uint8"])
    )
    # Integers are positive, so that unsigned dtypes can hold them.
    return np.asarray(array / 3 if dtype.startswith("float") else 4 * abs(array)).astype(dtype)


@pytest.mark.exercise("to_tensor", "arrays of any shape, type and layout", points=3)
@given(array=number_arrays(), layout=layouts)
def test_to_tensor_of_any_array(learner, array, layout):
    answer = learner.run(to_tensor_of_view, array=array, layout=layout)
    answer.key("tensor").is_close(torch.from_numpy(array).float(), **LAST_BIT)
    answer.check(
        np.array_equal(answer.key("array").array(shape=array.shape, dtype=array.dtype), array),
        "The array has changed. to_tensor must not change its input.",
    )


@probe
def at_home(t):
    "say where a tensor is"
    return {"tensor": t, "device": t.device.type if isinstance(t, torch.Tensor) else "none"}


@probe
def to_tensor_on_devices(module, array):
    """call `to_tensor` for "cpu" and "meta", each named by a string and
    by a `torch.device`"""
    return {
        device: [
            at_home(module.to_tensor(array=array, device=device)),
            at_home(module.to_tensor(array=array, device=torch.device(device))),
        ]
        for device in DEVICES
    }


def check_home(answer, device, shape, dtype=torch.float32):
    """Check that a tensor of this shape and dtype lives on the device."""
    t, home = answer.key("tensor"), answer.key("device").value
    t.check(
        isinstance(t.value, torch.Tensor),
        f'On the device "{device}", expected a tensor, got something else.',
    )
    # A tensor on "meta" has no numbers; one that claims to be there and has some is refused.
    there = home == device and t.value.is_meta == (device == "meta")
    t.check(
        there,
        f'Expected a tensor on the device "{device}", got one on "{home}". Use the given device.',
    )
    t.check(
        t.value.dtype == dtype and tuple(t.value.shape) == tuple(shape),
        f'On the device "{device}", expected a tensor of dtype {dtype} and shape {tuple(shape)}, got '
        f"one of dtype {t.value.dtype} and shape {tuple(t.value.shape)}.",
    )


@pytest.mark.exercise("to_tensor", "on the device that was given", points=3)
@given(array=arrays(shapes()))
def test_to_tensor_on_any_device(learner, array):
    answer = learner.run(to_tensor_on_devices, array=array)
    for device in DEVICES:
        for part in answer.key(device).parts("by string", "by torch.device"):
            check_home(part, device, array.shape)
            if device != "meta":
                part.key("tensor").is_close(torch.from_numpy(array).float(), **LAST_BIT)


# to_numpy


@probe
def to_numpy_of_view(module, t, layout):
    """lay the tensor out in memory as `layout` says, and call `to_numpy`"""
    return module.to_numpy(t=tensor_laid_out(t, layout))


@pytest.mark.exercise("to_numpy", "tensors of any shape, type and layout", points=2)
@given(
    array=arrays(shapes(0, 3)),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.int64, torch.int32]),
    layout=layouts,
)
def test_to_numpy_of_any_tensor(learner, array, dtype, layout):
    # Floats that another dtype would round.
    t = torch.as_tensor(4 * array + 0.1).to(dtype)
    answer = learner.run(to_numpy_of_view, t=t, layout=layout)
    answer.is_close(t.numpy())
    answer.check(
        np.array_equal(answer.value, t.numpy()),
        f"The array should hold the same numbers as the tensor of dtype {t.dtype}, but they are rounded.",
    )


@probe
def to_numpy_in_a_graph(module, t, layout, factor):
    """let w be a leaf that requires a gradient, call `to_numpy(w)` and `to_numpy(w * factor)`, and then
    `(w * factor).square().sum().backward()` with the same tensors"""
    w = tensor_laid_out(t, layout).detach().requires_grad_()
    u = w * factor
    arrays = [module.to_numpy(t=w), module.to_numpy(t=u)]
    loss = u.square().sum()
    if loss.requires_grad and w.requires_grad:
        loss.backward()
    return {"leaf": arrays[0], "result": arrays[1], "gradient": w.grad}


@pytest.mark.exercise("to_numpy", "the tensor stays in its graph", points=3)
@given(t=tensors(shapes()), layout=layouts, factor=factors)
def test_to_numpy_leaves_the_graph_alone(learner, t, layout, factor):
    answer = learner.run(to_numpy_in_a_graph, t=t, layout=layout, factor=factor)
    answer.key("leaf").is_close(t.numpy())
    answer.key("result").is_close(factor * t.numpy())
    gradient = answer.key("gradient")
    answer.check(
        gradient.value is not None,
        "After to_numpy(t), no gradient flows back through t: t no longer requires one, or it is no "
        "longer part of its graph. Do not change the input.",
    )
    gradient.is_close(2 * factor**2 * t)


@probe
def to_numpy_of_card(module, t, factor):
    """call `to_numpy` with the result of a computation that acts like a tensor on a graphics card,
    where NumPy cannot read it"""
    return call_for_card(module.to_numpy, t=factor * on_card(t))


@pytest.mark.exercise("to_numpy", "results on a graphics card (simulated)", points=2)
@settings(max_examples=8)
@given(t=tensors(shapes()), factor=factors)
def test_to_numpy_of_results_on_a_card(learner, t, factor):
    learner.run(to_numpy_of_card, t=t, factor=factor).is_close(factor * t.numpy())


# beside


@probe
def beside_everywhere(module, t, other, learns):
    """let `t` be on the CPU (and require a gradient, if `learns`); for each of the devices "cpu" and "meta",
    call `beside` with `other` there, and then with both tensors there"""
    t = t.clone().requires_grad_(learns)
    seen = {}
    for device in DEVICES:
        there = other.to(device)
        moved = module.beside(t=t, other=there)
        # A leaf again, on that device.
        mate = t.detach().to(device, copy=True).requires_grad_(learns)
        seen[device] = {
            "moved": at_home(moved),
            "t itself": moved is t,
            "both there": module.beside(t=mate, other=there) is mate,
            "other": at_home(there),
        }
    return seen


DTYPES = [torch.float32, torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool]


@st.composite
def two_tensors(draw):
    """Two tensors of different shapes and dtypes, and whether the first one requires a gradient."""
    kinds = draw(st.lists(st.sampled_from(DTYPES), min_size=2, max_size=2, unique=True))
    shape, other_shape = draw(st.lists(shapes(0, 3), min_size=2, max_size=2, unique=True))
    t, other = (draw(arrays(size)) for size in (shape, other_shape))
    t, other = (
        torch.as_tensor(abs(array)).to(kind) for array, kind in zip((t, other), kinds, strict=True)
    )
    return t, other, kinds[0].is_floating_point and draw(st.booleans())


@pytest.mark.exercise("beside", "any tensor beside any other one, on any device", points=3)
@given(both=two_tensors())
def test_beside_on_any_device(learner, both):
    t, other, learns = both
    learner.beside(t=t, other=other).is_close(t)
    answer = learner.run(beside_everywhere, t=t, other=other, learns=learns)
    for device in DEVICES:
        seen = answer.key(device)
        check_home(seen.key("moved"), device, t.shape, t.dtype)
        if device != "meta":
            seen.key("moved").key("tensor").is_close(t.detach())
        seen.check(
            seen.key("both there").value is True
            and (device != "cpu" or seen.key("t itself").value),
            f'On the device "{device}", t and other were in the same place, but the result was another tensor. '
            "Expected t itself: there is nothing to move.",
        )
        check_home(seen.key("other"), device, other.shape, other.dtype)


@probe
def beside_of_card(module, t, other, factor):
    """call `beside` with the result of a computation that acts like a tensor on a graphics card, and with `other`
    on the CPU; then call it with `t` on the CPU and `other` on the device "meta" """
    result = module.beside(t=factor * on_card(t), other=other)
    if isinstance(result, torch.Tensor):
        # Where it is shows on the other devices: not every way to move a tensor passes through `on_card`.
        result = result.detach().as_subclass(torch.Tensor)
    return {"numbers": result, "on meta": at_home(module.beside(t=t, other=other.to("meta")))}


@pytest.mark.exercise("beside", "all numbers come along (from a simulated card)", points=2)
@given(t=tensors(shapes()), other=tensors(shapes()), factor=factors)
def test_beside_takes_the_numbers_along(learner, t, other, factor):
    answer = learner.run(beside_of_card, t=t, other=other, factor=factor)
    answer.key("numbers").is_close(factor * t)
    check_home(answer.key("on meta"), "meta", t.shape)


# make_parameters


def two_draws(seed):
    """The start of a and b on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(1, generator=generator) for _ in "ab"]


@probe
def make_again(module, seed, other, draws):
    """draw some random numbers, then make parameters with a seed, with another one, and with the
    first again, with more draws in between; save each pair, then fill it with zeros"""
    noted = {}
    for name, chosen in (("first", seed), ("other seed", other), ("first seed again", seed)):
        torch.randn(draws)
        pair = module.make_parameters(device="cpu", seed=chosen)
        noted[name] = [p.detach().clone() if isinstance(p, torch.Tensor) else p for p in pair]
        with torch.no_grad():
            for p in pair:
                p.zero_()
    return noted


@pytest.mark.exercise("make_parameters", "only the seed decides", points=3)
@given(pair=seed_pairs(), draws=st.integers(1, 9))
def test_make_parameters_by_seed(learner, pair, draws):
    seed, other = pair
    answer = learner.run(make_again, seed=seed, other=other, draws=draws)
    for name, chosen in (("first", seed), ("other seed", other), ("first seed again", seed)):
        parts = answer.key(name).parts("a", "b")
        for part, expected in zip(parts, two_draws(chosen), strict=True):
            part.is_close(expected)


@probe
def parameters_that_learn(module, seed, x, y):
    """make parameters on "cpu" and "meta", send gradients back to them (on
    "meta" those of their sums, else those of the loss of the line), and look at the gradients"""
    seen = {}
    for device in DEVICES:
        a, b = module.make_parameters(device=torch.device(device), seed=seed)
        losses = [a.sum(), b.sum()]
        if device != "meta":
            losses = [((a + b * x.to(device) - y.to(device)) ** 2).mean()]
        for loss in losses:
            # No gradient travels from "meta" to a leaf that is elsewhere: then backward() raises.
            with contextlib.suppress(RuntimeError):
                loss.backward()
        grads = [a.grad, b.grad]
        if device == "meta":
            grads = [None if grad is None else tuple(grad.shape) for grad in grads]
        seen[device] = {"a": at_home(a), "b": at_home(b), "gradients": grads}
    return seen


NO_GRADIENT = (
    'On the device "{}", {} received no gradient from backward(). A parameter must require a gradient, '
    "and it must be a leaf on its device: made there, or moved before it requires a gradient."
)


@pytest.mark.exercise("make_parameters", "on every device: leaves that receive gradients", points=3)
@given(seed=all_seeds(), data=tensor_points(2, 6))
def test_make_parameters_learn_on_any_device(learner, seed, data):
    x, y = data
    answer = learner.run(parameters_that_learn, seed=seed, x=x, y=y)
    for device in DEVICES:
        seen = answer.key(device)
        parts = seen.key("gradients").parts("a.grad", "b.grad")
        for name, part in zip("ab", parts, strict=True):
            check_home(seen.key(name), device, (1,))
            part.check(part.value is not None, NO_GRADIENT.format(device, name))
            if device == "meta":
                part.equals((1,))
    a, b = (p.double() for p in two_draws(seed))
    error = a + b * x.double() - y.double()
    expected = [2 * error.mean(), 2 * (error * x).mean()]
    for part, value in zip(answer.key("cpu").key("gradients").each(), expected, strict=True):
        part.is_close(value.reshape(1).float(), atol=1e-4)


# timed


@probe
def time_pieces(module, waiting, queued, result):
    """simulate a graphics card: its queue holds `waiting` pieces of work, `work` adds `queued` more and
    returns `result`, and `synchronize` empties the queue; then call `timed(work, synchronize)`"""
    queue = ["piece"] * waiting
    seen = {"before": [], "pieces done": 0}

    def work():
        seen["before"].append(len(queue))
        queue.extend(["piece"] * queued)
        return result

    def synchronize():
        seen["pieces done"] += len(queue)
        queue.clear()

    answer = module.timed(work=work, synchronize=synchronize)
    return {**seen, "answer": answer, "left": len(queue)}


results = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-99, 99),
    numbers(),
    st.text("abc", max_size=3),
    st.lists(st.integers(0, 9), max_size=3),
    st.tuples(st.integers(0, 9), numbers()),
)


@pytest.mark.exercise("timed", "whatever the work returns", points=2)
@given(waiting=st.integers(0, 3), queued=st.integers(0, 3), result=results)
def test_timed_gives_any_result(learner, waiting, queued, result):
    answer = learner.run(time_pieces, waiting=waiting, queued=queued, result=result)
    returned, measured = result_and_seconds(answer)
    answer.check(
        type(returned.value) is type(result) and returned.value == result,
        "Expected the first part of the pair to be what work() returned.",
    )
    answer.check(measured >= 0, "Expected the end minus the start, got negative seconds.")


@pytest.mark.exercise("timed", "the queue is empty before and after the work", points=3)
@given(waiting=st.integers(1, 5), queued=st.integers(1, 5))
def test_timed_waits_for_the_queue(learner, waiting, queued):
    answer = learner.run(time_pieces, waiting=waiting, queued=queued, result=None)
    before = [count.value for count in answer.key("before").each()]
    answer.check(len(before) == 1, f"Expected exactly one call of work(), got {len(before)} calls.")
    answer.check(
        before[0] == 0,
        f"When work() began, {before[0]} older pieces of work were still in the queue. Wait for them "
        "first: call synchronize().",
    )
    left = answer.key("left").value
    answer.check(
        left == 0,
        f"At the end, {left} pieces of work were still in the queue. Wait for them before the clock "
        "stops: call synchronize().",
    )
    answer.key("pieces done").equals(waiting + queued)


@probe
def time_seconds(module, waiting, running, queued):
    """simulate a graphics card: its queue already holds work for `waiting` seconds, `work` itself takes
    `running` seconds and adds work for `queued` seconds, and `synchronize` waits until the queue is
    empty; then call `timed(work, synchronize)`"""
    queue = [waiting]
    moments = {"call": time.perf_counter()}

    def work():
        moments.setdefault("work starts", time.perf_counter())
        time.sleep(running)
        queue.append(queued)
        return "done"

    def synchronize():
        while queue:
            time.sleep(queue.pop())
        # The first time counts: an empty queue does not get emptier.
        name = "work is done" if "work starts" in moments else "queue is empty"
        moments.setdefault(name, time.perf_counter())

    answer = module.timed(work=work, synchronize=synchronize)
    moments["return"] = time.perf_counter()
    start = moments.get("queue is empty", moments["call"])
    done = moments.get("work is done", moments["return"])
    return {
        "answer": answer,
        "at least": done - moments.get("work starts", done),
        "at most": moments["return"] - start,
    }


# In ticks; wrong answers are two ticks off, or more. Only a few, so that the search for a smaller one is short.
TIMES = [(2.5, 0.0, 3.5), (4.5, 2.0, 2.5), (0.0, 4.0, 0.0)]


@pytest.mark.exercise("timed", "older work does not count, queued work does", points=3)
@settings(max_examples=3)
@given(times=st.sampled_from(TIMES))
def test_timed_measures_the_work(learner, times):
    waiting, running, queued = (CLOCK_TICK * ticks for ticks in times)
    answer = learner.run(time_seconds, waiting=waiting, running=running, queued=queued)
    _, measured = result_and_seconds(answer)
    answer.check(
        measured >= answer.key("at least").scalar() - CLOCK_TICK,
        "timed returned fewer seconds than the work took. The clock must run while the program "
        "waits, until the work in the queue is done.",
    )
    answer.check(
        measured <= answer.key("at most").scalar() + CLOCK_TICK,
        "timed returned more seconds than the work took. Start the clock only when older work is "
        "done, and return seconds.",
    )
