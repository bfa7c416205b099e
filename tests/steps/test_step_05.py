"""Step 05: devices and parameters."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given

from grader.content.references import CLOCK_TICK, result_and_seconds
from grader.content.shared_probes import DEVICES, call_for_card, devices_picked, on_card
from grader.testing.probes import probe
from grader.testing.strategies import all_seeds, arrays, shapes, tensors

A = np.array([[1.5, -2.0], [0.25, 3.0], [-1.0, 8.5]])
T = torch.tensor([[1.5, -2.0], [0.25, 3.0], [-1.0, 8.5]])

# Short, because a learner waits for it after each save, and yet longer than a tick.
SECONDS = 2 * CLOCK_TICK


@probe
def pick_with_card(module, there):
    """for each entry, pretend that a graphics card is there (True) or not (False), and call
    `pick_device()`"""
    return devices_picked(module, [1 if card else 0 for card in there])


@pytest.mark.exercise("pick_device", "a graphics card is there")
def test_pick_device_with_card(learner):
    answer = learner.run(pick_with_card, there=[True])
    (device,) = answer.parts("device")
    device.equals("cuda")


@pytest.mark.exercise("pick_device", "no graphics card is there")
def test_pick_device_without_card(learner):
    answer = learner.run(pick_with_card, there=[False])
    (device,) = answer.parts("device")
    device.equals("cpu")


@pytest.mark.exercise("pick_device", "asks at every call, not at the import")
def test_pick_device_asks_every_time(learner):
    answer = learner.run(pick_with_card, there=[True, False, True])
    picked = [device.value for device in answer.each()]
    answer.check(
        picked == ["cuda", "cpu", "cuda"],
        "With a card, without one and with one again, expected ['cuda', 'cpu', 'cuda'] from "
        f"pick_device(), got {picked}. Look for the card inside the function, at every call: what "
        "was true when the module was imported can be wrong later.",
    )


@probe
def facts(t):
    """describe a tensor"""
    if not isinstance(t, torch.Tensor):
        return {"what": f"{type(t).__name__}, not a tensor"}
    return {
        "what": "tensor",
        "device": t.device.type,
        "dtype": str(t.dtype),
        "shape": tuple(t.shape),
        "requires_grad": t.requires_grad,
        "is_leaf": t.is_leaf,
    }


@probe
def tensor_on_devices(module, array):
    """call `to_tensor` for the devices "cpu" and "meta", each named by a string and by a `torch.device`"""
    return {
        device: [
            facts(module.to_tensor(array=array, device=device)),
            facts(module.to_tensor(array=array, device=torch.device(device))),
        ]
        for device in DEVICES
    }


@probe
def parameters_on_devices(module, seed):
    """call `make_parameters` for the devices "cpu" and "meta" """
    made = {}
    for device in DEVICES:
        pair = module.make_parameters(device=device, seed=seed)
        made[device] = [facts(t) for t in pair] if isinstance(pair, (tuple, list)) else pair
    return made


def check_home(fact, device):
    """Check that the facts describe a float32 tensor on the device."""
    fact.key("what").equals("tensor")
    home, dtype = fact.key("device").value, fact.key("dtype").value
    fact.check(
        home == device,
        f'Expected a tensor on the device "{device}", got one on "{home}". Use the given device.',
    )
    fact.check(
        dtype == "torch.float32",
        f'On the device "{device}", expected a tensor of dtype torch.float32, got {dtype}.',
    )


@pytest.mark.exercise("to_tensor", "six numbers, from float64 to float32", points=2)
def test_to_tensor_values(learner):
    learner.to_tensor(array=A, device="cpu").is_close(T)


@pytest.mark.exercise("to_tensor", "whole numbers become float32 too")
def test_to_tensor_whole_numbers(learner):
    answer = learner.to_tensor(array=np.array([3, -1, 7]), device="cpu")
    answer.is_close(torch.tensor([3.0, -1.0, 7.0]))


@pytest.mark.exercise("to_tensor", "the device that was given", points=2)
def test_to_tensor_device(learner):
    answer = learner.run(tensor_on_devices, array=A)
    for device in DEVICES:
        for fact in answer.key(device).parts("by string", "by torch.device"):
            check_home(fact, device)
            fact.key("shape").equals((3, 2))


@pytest.mark.exercise("to_tensor", "any array")
@given(array=arrays(shapes()))
def test_to_tensor_keeps_shape_and_numbers(learner, array):
    answer = learner.to_tensor(array=array, device="cpu")
    answer.is_close(torch.tensor(array, dtype=torch.float32))


@probe
def numpy_of_leaf(module, t):
    """make `t` a leaf that requires a gradient and call `to_numpy(t)`"""
    t = t.clone().requires_grad_()
    array = module.to_numpy(t=t)
    return {"array": array, "t still requires a gradient": t.requires_grad}


@probe
def numpy_of_result(module, t):
    """let w be a leaf that requires a gradient, compute t = 2 * w, and call `to_numpy(t)`"""
    w = t.clone().requires_grad_()
    t = 2 * w
    array = module.to_numpy(t=t)
    return {"array": array, "t still requires a gradient": t.requires_grad}


@probe
def numpy_from_card(module, t):
    """call `to_numpy` with a tensor that acts like one on a graphics card, where NumPy cannot
    read it"""
    return call_for_card(module.to_numpy, t=on_card(t))


@pytest.mark.exercise("to_numpy", "a plain tensor")
def test_to_numpy_plain(learner):
    learner.to_numpy(t=T).is_close(A)


@pytest.mark.exercise("to_numpy", "a leaf that requires a gradient", points=2)
def test_to_numpy_leaf(learner):
    answer = learner.run(numpy_of_leaf, t=T)
    answer.key("array").is_close(A)
    answer.check(
        answer.key("t still requires a gradient").value is True,
        "After to_numpy(t), the tensor t no longer requires a gradient. Do not change the input: "
        "take the numbers from another tensor, detached from the graph.",
    )


@pytest.mark.exercise("to_numpy", "the result of a computation")
def test_to_numpy_result(learner):
    answer = learner.run(numpy_of_result, t=T)
    answer.key("array").is_close(2 * A)
    answer.check(
        answer.key("t still requires a gradient").value is True,
        "After to_numpy(t), the tensor t is no longer part of the graph. Do not change the input.",
    )


@pytest.mark.exercise("to_numpy", "a tensor on a graphics card (simulated)")
def test_to_numpy_from_card(learner):
    learner.run(numpy_from_card, t=T).is_close(A)


@pytest.mark.exercise("to_numpy", "any tensor")
@given(t=tensors(shapes()))
def test_to_numpy_keeps_shape_and_numbers(learner, t):
    learner.run(numpy_of_leaf, t=t).key("array").is_close(t.numpy())


@probe
def beside_others(module, t, other):
    """let `t` be on the CPU, and call `beside(t, other)` with `other` on the devices "cpu" and "meta" """
    seen = {}
    for device in DEVICES:
        there = other.to(device)
        result = module.beside(t=t, other=there)
        seen[device] = {**facts(result), "is t": result is t, "other": facts(there)}
    return seen


@probe
def beside_from_card(module, t, other):
    """call `beside` with a tensor `t` that acts like one on a graphics card and with `other` on the CPU, and
    then with `t` on the CPU and `other` on the device "meta" """
    result = module.beside(t=on_card(t), other=other)
    if isinstance(result, torch.Tensor):
        # Where it is shows on the other devices: not every way to move a tensor passes through `on_card`.
        result = result.detach().as_subclass(torch.Tensor)
    return {"numbers": result, "on meta": facts(module.beside(t=t, other=other.to("meta")))}


OTHER = torch.tensor([7, 8, 9, 10])


def check_place(fact, device, t):
    """Check that the facts describe a tensor like `t` on the device."""
    fact.key("what").equals("tensor")
    home, dtype = fact.key("device").value, fact.key("dtype").value
    fact.check(
        home == device,
        f'With other on the device "{device}", expected the result there too, got one on "{home}".',
    )
    fact.key("shape").equals(tuple(t.shape))
    fact.check(
        dtype == str(t.dtype),
        f"Expected the dtype of t, {t.dtype}, got {dtype}. Only the device of other counts.",
    )


def check_itself(fact):
    """Check that a tensor that was in the right place was not copied."""
    fact.check(
        fact.key("is t").value is True,
        "t and other are both on the CPU, so expected t itself from beside(t, other), got another tensor. "
        "There is nothing to move, so nothing may be copied.",
    )


@pytest.mark.exercise("beside", "t itself if it is there already", points=2)
def test_beside_itself(learner):
    learner.beside(t=T, other=OTHER).is_close(T)
    answer = learner.run(beside_others, t=T, other=OTHER)
    check_itself(answer.key("cpu"))
    check_place(answer.key("meta"), "meta", T)


@pytest.mark.exercise("beside", "on the device of the other tensor", points=2)
def test_beside_device(learner):
    answer = learner.run(beside_others, t=T, other=T[0])
    for device in DEVICES:
        check_place(answer.key(device), device, T)
        home = answer.key(device).key("other").key("device")
        home.check(home.value == device, "other was moved. It is t that has to move.")


@pytest.mark.exercise("beside", "the dtype of the other tensor does not count")
def test_beside_dtype(learner):
    for t, other in ((T, OTHER), (OTHER, T), (T.double(), T)):
        answer = learner.run(beside_others, t=t, other=other)
        for device in DEVICES:
            check_place(answer.key(device), device, t)


@pytest.mark.exercise("beside", "the numbers come along (from a simulated graphics card)")
def test_beside_numbers(learner):
    answer = learner.run(beside_from_card, t=T, other=OTHER)
    answer.key("numbers").is_close(T)
    check_place(answer.key("on meta"), "meta", T)


@pytest.mark.exercise("beside", "any two tensors")
@given(t=tensors(shapes(0, 3)), other=tensors(shapes(0, 3)))
def test_beside_any_tensors(learner, t, other):
    learner.beside(t=t, other=other).is_close(t)
    answer = learner.run(beside_others, t=t, other=other)
    check_itself(answer.key("cpu"))
    for device in DEVICES:
        check_place(answer.key(device), device, t)


@pytest.mark.exercise("make_parameters", "seed 42 gives 0.3367 and 0.1288")
def test_make_parameters_seed_42(learner):
    answer = learner.make_parameters(device="cpu", seed=42)
    a, b = answer.parts("a", "b")
    a.is_close(torch.tensor([0.3367]), atol=1e-4)
    b.is_close(torch.tensor([0.1288]), atol=1e-4)


@probe
def make_after_a_draw(module, seed):
    """draw a random number and call `make_parameters` for the device "cpu" """
    torch.rand(1)
    return module.make_parameters(device="cpu", seed=seed)


@pytest.mark.exercise(
    "make_parameters", "any seed, even 0: two draws, one after the other", points=2
)
@given(seed=all_seeds())
def test_make_parameters_are_two_draws(learner, seed):
    generator = torch.Generator().manual_seed(seed)
    a, b = learner.run(make_after_a_draw, seed=seed).parts("a", "b")
    a.is_close(torch.randn(1, generator=generator))
    b.is_close(torch.randn(1, generator=generator))


@pytest.mark.exercise("make_parameters", "float32, on the device that was given")
def test_make_parameters_device(learner):
    answer = learner.run(parameters_on_devices, seed=3)
    for device in DEVICES:
        for fact in answer.key(device).parts("a", "b"):
            check_home(fact, device)
            fact.key("shape").equals((1,))


@pytest.mark.exercise("make_parameters", "leaves that require a gradient, on any device", points=3)
def test_make_parameters_are_leaves(learner):
    answer = learner.run(parameters_on_devices, seed=3)
    for device in DEVICES:
        for name, fact in zip("ab", answer.key(device).parts("a", "b"), strict=True):
            fact.key("what").equals("tensor")
            fact.check(
                fact.key("requires_grad").value is True,
                f'On the device "{device}", {name} does not require a gradient, so it cannot be '
                "trained.",
            )
            fact.check(
                fact.key("is_leaf").value is True,
                f'On the device "{device}", {name} is not a leaf, so it will never receive a '
                "gradient. It was moved when it already required one: moving is a computation, and "
                "its result is a new tensor. Let it require a gradient only once it is on its device.",
            )


@probe
def time_a_queue(module, waiting, queued):
    """simulate a graphics card: its queue already holds work for `waiting` seconds, `work` adds
    work for `queued` seconds to it and returns at once, and `synchronize` waits until the queue
    is empty; then call `timed(work, synchronize)`"""
    queue = [waiting]
    calls = []
    moments = {}

    def now(moment):
        # The first time counts: an empty queue does not get emptier.
        moments.setdefault(moment, time.perf_counter())

    def work():
        calls.append("work")
        now("work starts")
        queue.append(queued)
        return "done"

    def synchronize():
        calls.append("synchronize")
        while queue:
            time.sleep(queue.pop())
        now("work is done" if "work" in calls else "queue is empty")

    now("call")
    answer = module.timed(work=work, synchronize=synchronize)
    now("return")
    start = moments.get("queue is empty", moments["call"])
    done = moments.get("work is done", moments["return"])
    return {
        "answer": answer,
        "calls": calls,
        "at least": done - moments.get("work starts", done),
        "at most": moments["return"] - start,
    }


@probe
def time_plain_work(module, seconds):
    """call `timed` with a `work` that takes `seconds` and queues nothing"""
    measured = []

    def work():
        start = time.perf_counter()
        time.sleep(seconds)
        measured.append(time.perf_counter() - start)

    start = time.perf_counter()
    answer = module.timed(work=work, synchronize=lambda: None)
    return {
        "answer": answer,
        "at least": measured[0] if measured else seconds,
        "at most": time.perf_counter() - start,
    }


def check_calls(answer):
    """Check that `work` was called once, and `synchronize` before and after it."""
    calls = [call.value for call in answer.key("calls").each()]
    in_order = f"The calls were: {', '.join(map(str, calls)) or 'none'}."
    answer.check(calls.count("work") == 1, f"Expected exactly one call of work(). {in_order}")
    at = calls.index("work")
    answer.check(
        "synchronize" in calls[:at],
        "Expected a call of synchronize() before work(): older work may still be in the queue. "
        f"{in_order}",
    )
    answer.check(
        "synchronize" in calls[at:],
        "Expected a call of synchronize() after work(): its work may still be in the queue. "
        f"{in_order}",
    )


def check_seconds(answer, too_short, too_long):
    """Check the measured time against what the probe measured around it and inside it."""
    _, measured = result_and_seconds(answer)
    least = answer.key("at least").scalar()
    most = answer.key("at most").scalar()
    answer.check(
        measured >= least - CLOCK_TICK,
        f"timed returned fewer seconds than the work took. {too_short}",
    )
    answer.check(
        measured <= most + CLOCK_TICK,
        f"timed returned more seconds than the work took. {too_long}",
    )


@pytest.mark.exercise("timed", "work once, and wait before and after it")
def test_timed_calls(learner):
    check_calls(learner.run(time_a_queue, waiting=0.0, queued=0.0))


@pytest.mark.exercise("timed", "returns the result of the work")
def test_timed_result(learner):
    answer = learner.run(time_a_queue, waiting=0.0, queued=0.0)
    result, _ = result_and_seconds(answer)
    answer.check(
        isinstance(result.value, str) and result.value == "done",
        "Expected the first part of the pair to be what work() returned.",
    )


@pytest.mark.exercise("timed", "work that is done at once")
def test_timed_plain_work(learner):
    answer = learner.run(time_plain_work, seconds=SECONDS)
    check_seconds(
        answer,
        "The clock must run until work() has returned, even while the program waits.",
        "The time must be in seconds.",
    )


@pytest.mark.exercise("timed", "the clock waits for queued work", points=2)
def test_timed_waits_before_it_stops(learner):
    answer = learner.run(time_a_queue, waiting=0.0, queued=SECONDS)
    check_calls(answer)
    check_seconds(
        answer,
        "The clock was stopped while the work was still in the queue.",
        "The clock ran too long, or the time is not in seconds.",
    )


@pytest.mark.exercise("timed", "the clock does not count older work", points=2)
def test_timed_waits_before_it_starts(learner):
    answer = learner.run(time_a_queue, waiting=SECONDS, queued=0.0)
    check_calls(answer)
    check_seconds(
        answer,
        "The clock was stopped too early.",
        "The clock was started while older work was still in the queue.",
    )
