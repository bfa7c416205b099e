"""What errors and warnings mean: each entry of the catalogue is produced by its own code, in a real worker."""

import re
import textwrap
import time
import tomllib

import pytest
import torch

from grader.judge import advice, feedback
from grader.judge.learner import Learner, LearnerError
from grader.testing.answers import Call
from grader.testing.probes import probe
from grader.wire import messages

ENTRIES = {entry.id: entry for entry in advice.catalogue()}
WARNINGS = [name for name, entry in ENTRIES.items() if entry.types[0].endswith("Warning")]
HEAD = """import warnings

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split
"""
# Shows as text what a worker would print; that it can be found in what was printed is tested below.
CATCH = """
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
{code}
return "".join(str(warnings.formatwarning(w.message, w.category, w.filename, w.lineno)) for w in caught)
"""
MOVING = """
import torch

def f(x):
    return x + torch.ones(3)

def to_numpy(t):
    return t.numpy()

def item(t):
    return t.item()
"""

# Messages for the same mistakes, mostly of other versions of PyTorch, NumPy and Python.
ALSO = {
    "leaf-in-place": ["a leaf Variable that requires grad has been used in an in-place operation."],
    "view-in-place": ["A view was created in no_grad mode and is being modified inplace with grad mode enabled"],
    "backward-twice": ["Trying to backward through the graph a second time, but the buffers have already"],
    "gradient-of-integers": [
        "Only Tensors of floating point dtype can require gradients",
        "only Tensors of floating point and complex dtype can require gradients",
    ],
    "not-in-graph": ["One of the differentiated Tensors appears to not have been used in the graph."],
    "inference-tensor": ["Inplace update to inference tensor outside InferenceMode is not allowed."],
    "numpy-of-gradient": ["Can't call numpy() on Variable that requires grad. Use var.detach().numpy() instead."],
    "numpy-of-card": [
        "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory",
        "can't convert CUDA tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory",
    ],
    "devices-differ": [
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
        "Expected all tensors to be on the same device, but got mat1 is on cpu, different from other tensors",
        "Expected object of device type cuda but got device type cpu for argument #1 'self' in call to _th_addmm",
    ],
    "meta-has-no-numbers": [
        "Cannot copy out of meta tensor; no data!",
        "Could not run 'aten::equal' with arguments from the 'Meta' backend.",
        "aten::equal: attempted to run this operator with Meta tensors, but there was no fake impl",
    ],
    "no-card": ["Found no NVIDIA driver on your system.", "No CUDA GPUs are available"],
    "device-name": ["Expected one of cpu, cuda, ipu, xpu device type at start of device string: gpu"],
    "gradient-assigned": ["assigned grad has data of a different size"],
    "label-dtype": [
        "expected scalar type Long but found Float",
        "Expected object of scalar type Long but got scalar type Float for argument #2 'target'",
        "\"nll_loss_forward_reduce_cuda_kernel_2d_index\" not implemented for 'Int'",
    ],
    "label-shape": [
        "0D or 1D target tensor expected, multi-target not supported",
        "Expected input batch_size (2) to match target batch_size (3).",
    ],
    "no-dimension": [
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python",
        "too many indices for array: array is 0-dimensional, but 1 were indexed",
        "zero-dimensional tensor (at position 0) cannot be concatenated",
        "len() of unsized object",
    ],
    "matrix-product": [
        "size mismatch, m1: [2 x 2], m2: [3 x 1] at /pytorch/aten/src/TH/generic/THTensorMath.cpp:961",
        "size mismatch, got input (2), mat (2x3), vec (2)",
        "shapes (3,) and (4,) not aligned: 3 (dim 0) != 4 (dim 0)",
        "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature",
        "Expected size for first two dimensions of batch2 tensor to be: [2, 3] but got: [2, 2].",
    ],
    "broadcast": ["operands could not be broadcast together with shapes (3,) (4,) "],
    "no-room": [
        "could not broadcast input array from shape (4,) into shape (3,)",
        "non-broadcastable output operand with shape (3,) doesn't match the broadcast shape (3,3)",
        "The expanded size of the tensor (3) must match the existing size (4) at non-singleton dimension 0.",
    ],
    "reshape": ["cannot reshape array of size 6 into shape (4,2)"],
    "join": ["all the input arrays must have same number of dimensions, but the array at index 0"],
    "stack": ["all input arrays must have the same shape", "element in list of batch should be of equal size"],
    "dimension-range": ["axis 1 is out of bounds for array of dimension 1"],
    "dtypes-differ": [
        "expected scalar type Float but found Double",
        "Expected object of scalar type Float but got scalar type Long for argument #2 'mat1'",
        "Found dtype Double but expected Float",
        "expected m1 and m2 to have the same dtype, but got: float != double",
    ],
    "mean-of-integers": ["Can only calculate the mean of floating types. Got Long instead."],
    "cast-in-place": ["Cannot cast ufunc 'add' output from dtype('float64') to dtype('int64')"],
    "power-sign": [
        "unsupported operand type(s) for ^: 'float' and 'int'",
        "\"bitwise_xor_cpu\" not implemented for 'Float'",
    ],
    "bits-of-floats": [
        "unsupported operand type(s) for &: 'float' and 'float'",
        "ufunc 'bitwise_and' not supported for the input types, and the inputs could not be safely coerced",
        "ufunc 'invert' not supported for the input types, and the inputs could not be safely coerced",
        "~ (operator.invert) is only implemented on integer and Boolean-type tensors",
    ],
    "one-number": [
        "only one element tensors can be converted to Python scalars",
        "only length-1 arrays can be converted to Python scalars",
        "only size-1 arrays can be converted to Python scalars",
        "only 0-dimensional arrays can be converted to Python scalars",
    ],
    "true-or-false": [
        "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()",
        "bool value of Tensor with more than one value is ambiguous",
    ],
    "no-result": ["expected a positive input", "(34, 'Numerical result out of range')"],
    "module-init": ["'Model' object has no attribute '_backward_hooks'"],
    "state-keys": ['Error(s) in loading state_dict for Linear:\n\tUnexpected key(s) in state_dict: "x". '],
    "cannot-be-saved": ["Can't pickle local object <function f.<locals>.<lambda> at 0x7f00deadbeef>"],
    "none": [
        "'NoneType' object has no attribute 'backward'",
        "unsupported operand type(s) for *: 'float' and 'NoneType'",
        "sub_(): argument 'other' (position 1) must be Tensor, not NoneType",
        "Could not infer dtype of NoneType",
    ],
    "not-called": [
        "'builtin_function_or_method' object is not subscriptable",
        "'function' object is not iterable",
        "unsupported operand type(s) for -: 'Tensor' and 'method'",
    ],
    "not-a-tensor": ["cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor"],
    "method-of-class": [
        "'numpy.ndarray' object has no attribute '_validate_params'",
        "Optimizer.zero_grad() missing 1 required positional argument: 'self'",
        "unbound method Generator.manual_seed() needs an argument",
    ],
    "size-of-tensor": [
        "zeros(): argument 'size' (position 1) must be tuple of ints, but found element of type Tensor at pos 0",
    ],
    "gradient-of-one-tensor": ["'Parameter' object has no attribute 'zero_grad'"],
    "name-of-import": ["name 'np' is not defined", "name 'DataLoader' is not defined"],
    "not-numbers": ["ufunc 'add' did not contain a loop with signature matching types"],
    "whole-number": ["zeros(): argument 'size' (position 1) must be tuple of ints, not float"],
    "index-type": [
        "list indices must be integers or slices, not tuple",
        "tensors used as indices must be long, int, byte or bool tensors",
        "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and … are valid indices",
    ],
    "index-range": [
        "list index out of range",
        "index 3 is out of bounds for axis 0 with size 3",
        "index out of range in self",
        "pop from empty list",
    ],
    "unpack": ["too many values to unpack (expected 2)", "cannot unpack non-iterable int object"],
    "arguments-too-many": ["f() takes at most 1 argument (2 given)", "M() takes no arguments"],
    "argument-name": [
        "f() got multiple values for argument 'a'",
        "f() got an unexpected keyword argument 'function'",
    ],
    "several-results": ["unsupported operand type(s) for -: 'torch.return_types.max' and 'Tensor'"],
    "calculation-with-text": [
        "unsupported operand type(s) for +: 'int' and 'str'",
        "'<' not supported between instances of 'str' and 'int'",
    ],
    "calculation-with-list": [
        "can't multiply sequence by non-int of type 'float'",
        "unsupported operand type(s) for +: 'Tensor' and 'list'",
        'can only concatenate tuple (not "int") to tuple',
    ],
    "not-a-number": ["int() argument must be a string, a bytes-like object or a real number, not 'list'"],
    "attribute": ["'Linear' object has no attribute 'weigth'"],
    "no-value-yet": [
        "local variable 'x' referenced before assignment",
        "cannot access free variable 'z' where it is not associated with a value in enclosing scope",
    ],
    "memory-of-tensors": ["CUDA out of memory. Tried to allocate 2.00 GiB."],
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(fork_launcher, session_factory):
    """What a worker answers to the code of each entry, by its id."""
    source = HEAD
    for number, (name, entry) in enumerate(ENTRIES.items()):
        code = textwrap.indent(entry.code, "    ")
        if name in WARNINGS:
            code = textwrap.indent(CATCH.format(code=code), "    ")
        source += f"\n\ndef f_{number}():\n{code}"
    found = {}
    with session_factory(fork_launcher, source) as session:
        for number, name in enumerate(ENTRIES):
            found[name] = session.ask("f", Call("f"), messages.call(f"f_{number}"))
    return found


@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in WARNINGS])
def test_the_code_of_an_entry_raises_an_error_that_no_other_entry_explains(answers, name):
    answer = answers[name]
    assert answer["kind"] == "raised", answer
    by = "raise" if answer["own"] else "code"
    line = next((frame[3] for frame in reversed(answer["frames"]) if frame[0] == "module"), "")
    found = advice.of_error([answer["type"], *answer["bases"]], answer["message"], by, line)
    assert found is ENTRIES[name], (found and found.id, answer["type"], answer["message"])
    lines = feedback.raised(answer, "step_00_toy.py").split("\n")
    assert lines[0].startswith(f"Your code raised {answer['type']}")
    assert lines[-1] == f"{found.means} {found.look}"


@pytest.mark.parametrize("name", WARNINGS)
def test_the_code_of_an_entry_gives_a_warning_that_no_other_entry_explains(answers, name):
    printed = answers[name]["value"]
    entry = ENTRIES[name]
    assert advice.of_output(printed) == f"The {entry.types[0]} means: {entry.means} {entry.look}", (
        printed
    )
    message = feedback.message("It is wrong.", None, (printed, len(printed)))
    assert message.split("\n")[0] == "It is wrong." and message.endswith(entry.look)


@pytest.mark.parametrize("name", ALSO)
def test_other_words_for_the_same_error(name):
    entry = ENTRIES[name]
    for text in ALSO[name]:
        found = [advice.of_error([kind], text) for kind in entry.types]
        assert entry in found and {one.id for one in found if one} == {name}, text


def test_entries_are_well_formed():
    rows = tomllib.loads(advice.CATALOGUE.read_text("utf-8"))["error"]
    assert len(ENTRIES) == len(rows) >= 45
    for entry in ENTRIES.values():
        assert entry.types and set(entry.by) <= {"code", "raise", "test"}
        # Whole sentences, and few: a beginner reads them between two attempts.
        assert re.fullmatch(r".{5,160}\.", entry.means), entry.id
        assert re.fullmatch(r".{5,160}[.?]", entry.look), entry.id
        sentences = [len(re.findall(r"[.?](?= |$)", text)) for text in (entry.means, entry.look)]
        assert sentences in ([1, 1], [1, 2]), entry.id
        # No search may take long, see below.
        for pattern in (entry.pattern, entry.line):
            assert not re.search(r"(?<!\\)[*+]|\{\d{0,9},\}", pattern), entry.id


LONG = 100_000
PIECES = (*" aA1(['.\n\\\"", "\ud800", ": UserWarning: ", ": aaaaaaaaWarning")


@pytest.mark.parametrize("name", ENTRIES)
def test_no_message_takes_long_to_explain(name):
    # What a pattern begins with, again and again, lets a search begin as often.
    words = re.split(r"[|()\\]|\.\{", ENTRIES[name].pattern)
    for piece in (*PIECES, *filter(None, words), *(text[:-8] for text in ALSO.get(name, ()))):
        text = piece * (LONG // len(piece))
        start = time.process_time()
        re.search(ENTRIES[name].pattern, text)
        assert time.process_time() - start < 1, piece


def test_no_output_takes_long_to_explain():
    for piece in PIECES:
        start = time.process_time()
        advice.of_output(piece * (LONG // len(piece)))
        assert time.process_time() - start < 1, piece


def raised(kind="RuntimeError", text="", own=False, frames=(("module", "f", 3, "x"),)):
    """Return a worker's description of an exception."""
    described = {"kind": "raised", "type": kind, "bases": [kind], "message": text, "own": own}
    return described | {"frames": list(frames), "stub": False}


SAID = "a leaf Variable that requires grad is being used in an in-place operation."
MEANT = str(ENTRIES["leaf-in-place"])


def test_who_raised_an_error_decides_whether_it_is_explained():
    in_test = ("probe", "probe", 7, "y")
    for frames in (
        [("module", "f", 3, "x")],
        [("module", "f", 3, "x"), in_test],
        [in_test, ("module", "f", 3, "x")],
        [],
    ):
        assert feedback.raised(raised(text=SAID, frames=frames), "x.py").endswith(MEANT)
    assert MEANT not in feedback.raised(raised(text=SAID, own=True), "x.py")
    assert MEANT not in feedback.raised(raised(text=SAID, frames=[in_test]), "x.py")
    # What a test gets from the learner's code and cannot use.
    lost = raised(text="element 0 of tensors does not require grad", frames=[in_test])
    assert feedback.raised(lost, "x.py").endswith(ENTRIES["no-gradient"].look)
    alone = raised("ValueError", "too many values to unpack (expected 2)", frames=[in_test])
    assert feedback.raised(alone, "x.py").endswith(str(ENTRIES["unpack"]))
    turned = raised(
        text="mat1 and mat2 shapes cannot be multiplied (6x3 and 4x3)", frames=[in_test]
    )
    assert feedback.raised(turned, "x.py").endswith(str(ENTRIES["matrix-product"]))
    # What a test calls with the arguments of the exercise.
    for text in (
        "M.forward() takes 1 positional argument but 2 were given",
        "M() takes no arguments",
    ):
        called = raised("TypeError", text, frames=[in_test])
        assert feedback.raised(called, "x.py").endswith(str(ENTRIES["arguments-too-many"]))
    other = raised(
        "AttributeError", "'Line' object has no attribute 'named_parameters'", frames=[in_test]
    )
    assert feedback.raised(other, "x.py").endswith(str(ENTRIES["no-module"]))
    # A model whose __init__ stores plain tensors only fails when a test looks for its parameters.
    bare = raised(
        "AttributeError", "'Line' object has no attribute '_parameters'", frames=[in_test]
    )
    assert feedback.raised(bare, "x.py").endswith(ENTRIES["module-init"].look)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("RuntimeError", "something else"), ("RuntimeError", ""), ("ValueError", "oops"), ("TypeError", ""),
        ("step_00_toy.Odd", "'NoneType' object"), ("GeneratorExit", "x"), ("builtins.NameError", "name 'x'"),
        ("ValueError", SAID), ("AssertionError", "x"),
    ],
)  # fmt: skip
def test_an_unknown_error_is_not_explained(kind, text):
    answer = raised(kind, text)
    assert len(feedback.raised(answer, "x.py").split("\n")) == 2
    printed = f"x.py:3: {kind}Warning: {text}\n"
    assert feedback.message("No.", None, (printed, 1)).split("\n")[2:] == []


def test_the_line_tells_a_range_from_an_index():
    text = "only integer tensors of a single element can be converted to an index"
    for line, name in (
        ("for i in range(labels):", "range-of-tensor"),
        ("for i in range(labels):  # each [label]", "range-of-tensor"),
        ("t = [1, 2][labels]", "index-type"),
        ("t = [names[labels] for i in range(3)]", "index-type"),
        ("for i in range(counts[labels]):", "index-type"),
    ):
        answer = raised("TypeError", text, frames=[("module", "f", 3, line)])
        assert feedback.raised(answer, "x.py").endswith(str(ENTRIES[name]))


def test_the_line_tells_a_class_from_an_object():
    text = "LinearModel.predict() missing 1 required positional argument: 'X'"
    for line, name in (
        ("y = LinearRegression.predict(x)", "method-of-named-class"),
        ("y = LinearRegression().predict()", "arguments-missing"),
        ("y = model.predict()", "arguments-missing"),
    ):
        answer = raised("TypeError", text, frames=[("module", "f", 3, line)])
        assert feedback.raised(answer, "x.py").endswith(str(ENTRIES[name]))


def test_the_line_tells_what_one_error_is_about():
    many = "Boolean value of Tensor with more than one value is ambiguous"
    pairs = "too many values to unpack (expected 2)"
    none = "step() missing 2 required positional arguments: 'x' and 'y'"
    for kind, text, line, name in (
        ("RuntimeError", many, "if abs(e) <= delta:", "true-or-false-of-comparison"),
        ("RuntimeError", many, "loss = nn.MSELoss(yhat, y)", "true-or-false-of-class"),
        ("RuntimeError", many, "y = nn.ReLU()(x) or x", "true-or-false"),
        ("ValueError", pairs, "for n, p in self.model.parameters():", "unpack-of-parameters"),
        ("ValueError", pairs, "for n, p in model.named_parameters():", "unpack"),
        ("TypeError", none, "return step()", "call-returned"),
        ("TypeError", none, "loss = step()", "arguments-missing"),
    ):
        answer = raised(kind, text, frames=[("module", "f", 3, line)])
        assert feedback.raised(answer, "x.py").endswith(str(ENTRIES[name])), line


def test_no_text_of_others_is_in_an_explanation():
    for foreign in ("\x1b[31m", "<b>", "{0}", "%s"):
        text = f"Error(s) in loading state_dict for {foreign}: size mismatch for {foreign}"
        assert str(advice.of_error(["RuntimeError"], text)) == str(ENTRIES["state-sizes"])
        printed = f"{foreign}: UserWarning: Using a target size {foreign}"
        assert foreign not in advice.of_output(printed)
        assert advice.of_output(f"{foreign}: {foreign}Warning: Using a target size") == ""


@probe
def on_meta(module):
    return module.f(torch.ones(3, device="meta"))


@probe
def number_on_meta(module):
    return module.item(torch.ones((), device="meta"))


@probe
def numpy_on_meta(module):
    return module.to_numpy(torch.ones((), device="meta"))


@probe
def wrong_index(module):
    return module.f(torch.ones(3)).tolist()[3]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (on_meta, "devices-differ"),
        (number_on_meta, "meta-has-no-numbers"),
        (numpy_on_meta, "numpy-of-card"),
        (wrong_index, None),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_device_that_a_test_plays_is_named_and_a_test_that_fails_is_not_explained(
    fork_launcher, session_factory, asked, name
):
    with session_factory(fork_launcher, MOVING) as session, pytest.raises(LearnerError) as caught:
        Learner(session, "f").run(asked)
    lines = caught.value.sentence.split("\n")
    if name is None:
        assert lines[0].startswith("With your code, the test ended in IndexError")
        assert len(lines) == 2 and lines[1].startswith("It happened when the test ran")
    else:
        assert lines[2:] == [str(ENTRIES[name])] and '"meta"' in lines[2]


WARNING = """
import warnings
import torch

def f():
    for _ in range(3):
        torch.nn.functional.mse_loss(torch.ones(3, 1), torch.ones(3))

def of_result():
    a = 2 * torch.ones(1, requires_grad=True)
    return a.grad

def result():
    return 2 * torch.ones(1, requires_grad=True)

def many():
    warnings.warn("old", DeprecationWarning)
    warnings.warn("long", type("W" * 10_000, (UserWarning,), {}))
    for i in range(99):
        warnings.warn(f"{i} " + "x" * 10_000)
"""


@probe
def with_a_warning_of_its_own(module):
    """look at the gradient of a result"""
    return module.result().grad


def test_a_warning_is_printed_in_the_same_words_each_time_and_explained(
    fork_launcher, session_factory
):
    place = WARNING.split("\n").index(
        "        torch.nn.functional.mse_loss(torch.ones(3, 1), torch.ones(3))"
    )
    with session_factory(fork_launcher, WARNING) as session:

        def printed(name):
            session.ask(name, Call(name), messages.call(name))
            return session.printed

        first, again = printed("f"), printed("f")
        result = [printed("of_result")[0] for _ in range(2)]
        many = printed("many")[0].splitlines()
        Learner(session, "result").run(with_a_warning_of_its_own)
        assert session.printed == ("", 0)
    assert first == again and first[0].count("\n") == 1
    assert first[0].startswith(f"step_00_toy.py:{place + 1}: UserWarning: Using a target size")
    message = feedback.message("No.", None, first)
    assert message.endswith(str(ENTRIES["loss-shapes"]))
    assert result[0] == result[1] and "Triggered" not in result[0]
    assert str(ENTRIES["gradient-of-result"]) in feedback.message("No.", None, (result[0], 0))
    assert len(many) == 5 and max(map(len, many)) <= 1000
