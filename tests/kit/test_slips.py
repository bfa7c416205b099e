"""Slips that the form of the code shows, and forms that look like one and are none."""

import time

import pytest

from grader.judge.slips import (
    attribute_alike,
    attribute_meant,
    defined_twice,
    printing_import,
    slip,
)

from .conftest import TOY_SOLUTION

# The body of a function, and words of the sentence; "" if there is nothing to say.
BODIES = {
    "return in loop": (
        "for p in t:\n    n = p\n    return n",
        "`return` in line 4 is inside the loop",
    ),
    "return in while": (
        "while t:\n    t -= 1\n    return t",
        "`return` in line 4 is inside the loop",
    ),
    "with in loop": ("for p in t:\n    with x:\n        return p", "`return` in line 4"),
    "loop in with": ("with x:\n    for p in t:\n        pass\n    return p", ""),
    "zeroed": (
        "for p in params:\n    p.zero_()\nreturn t",
        "`p.zero_()` in line 3 sets the parameter",
    ),
    "zeroed data": ("for w in u.parameters():\n    w.data.zero_()", "Its gradient is `w.grad`."),
    "gradient zeroed": ("for p in params:\n    p.grad.zero_()\nreturn t", ""),
    "search": ("for p in t:\n    if p:\n        return p\nreturn None", ""),
    "skipped rounds": ("for p in t:\n    if p:\n        continue\n    return p", ""),
    "return after loop": ("for p in t:\n    x = p\nreturn x", ""),
    "loop in brackets": ("x = [\n    p\n    for p in t\n]\nreturn x", ""),
    "comment": ("for p in t:\n    x = p\n    # return x\nreturn x", ""),
    "text": ('for p in t:\n    x = """\n    return x\n"""\nreturn x', ""),
    "append kept": ("m = []\nm = m.append(t)\nreturn m", "`.append()` in line 3 changes the list"),
    "append returned": ("m = []\nreturn m.append(t)", "`.append()` in line 3"),
    "append": ("m = []\nm.append(t)\nreturn m", ""),
    "other name": ("m = n.append(t)", ""),
    "thrown away": ("t.float()\nreturn t", "Nothing takes the result of `t.float(…)` in line 2"),
    "moved": ("t.to(other(1))\nreturn t", "it leaves the tensor `t` as it was"),
    "made here": ("x = torch.zeros(3)\nx.add(t)\nreturn x", "`x.add(…)` in line 3"),
    "array": ("x = np.zeros(3)\nx.astype(float)\nreturn x", "it leaves the array `x` as it was"),
    "batch": ("for x, y in loader:\n    x.to(0)\n    f(x)", "`x.to(…)` in line 3"),
    "taken": ("t = t.float()\nreturn t", ""),
    "in place": ("t.add_(1)\nreturn t", ""),
    "in place on a view": ("t.view(-1).add_(1)\nreturn t", ""),
    "model": ("u.to(1)\nu.float()\nreturn u", ""),
    "set": ("x = set()\nx.add(1)\nreturn x", ""),
    "in brackets": ("f(\n    1,\n    t.float()\n)", ""),
    "after an operator": ("x = (1 +\n    t.float()\n)", ""),
    "compared": ("x = (a if b else\n    t.float()\n)", ""),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_slip_is_named_and_nothing_else(kind, ends):
    body, words = BODIES[kind]
    rows = "".join(f"    {row}\n" for row in body.split("\n"))
    source = f"def f(t: torch.Tensor, u: nn.Module):\n{rows}\ndef g():\n    for a in b:\n        return a\n"
    said = slip(source.encode().replace(b"\n", ends), "f")
    assert (words in said) if words else not said


def test_a_function_that_is_used_and_a_method_count():
    helper = b"def _help(t):\n    for p in t:\n        return p\n\ndef f(t):\n    return _help(t)\n"
    assert "line 3" in slip(helper, "f")
    method = b"class A:\n    def f(self):\n        for p in self.t:\n            return p\n"
    assert "line 4" in slip(method, "A")
    assert slip(method, "B") == ""


def test_a_name_that_a_method_stores_in_self():
    source = b"class A:\n    def __init__(self):\n        self.a = 1\n        self.c == 2  # self.d = 3\n"
    assert attribute_meant(source, "a") == "Did you mean `self.a`?"
    assert not any(attribute_meant(source, name) for name in ("b", "c", "d"))


def test_a_function_that_is_defined_twice():
    source = b"def f(): return 1\n\n# def f():\ndef g():\n    def f(): pass\n\ndef f(): return 2\n"
    assert "in lines 1 and 7, and Python takes the last one" in defined_twice(source, "f.step")
    assert slip(source, "f") == defined_twice(source, "f")
    assert defined_twice(source, "g") == ""


@pytest.mark.parametrize(
    ("holder", "name", "meant"),
    [
        ("'Tensor' object", "backwards", "backward"),
        ("'Parameter' object", "require_grad", "requires_grad"),
        ("'numpy.ndarray' object", "reshap", "reshape"),
        ("module 'torch'", "no_gard", "no_grad"),
        ("module 'torch.nn'", "Linea", "Linear"),
        ("'Tensor' object", "astype", ""),
        ("'Tensor' object", "xyz", ""),
        ("'list' object", "apend", ""),
        ("module 'os'", "getcw", ""),
        ("module 'torch.gone'", "no_gard", ""),
    ],
)
def test_a_misspelled_attribute(holder, name, meant):
    message = f"{holder} has no attribute '{name}'"
    assert attribute_alike(message) == (f"Did you mean `{meant}`?" if meant else "")


def test_a_print_in_an_imported_step_is_found_if_no_other_can_have_printed():
    loud = b"def f():\n    # print()\n    print(1)\n"
    step = b"from step_00_a import f\n"
    assert "line 3 of step_00_a.py" in printing_import(step, {"step_00_a": loud})
    assert "is in step_00_a.py," in printing_import(step, {"step_00_a": loud + b"    print(2)\n"})
    assert not printing_import(step + b"print(2)\n", {"step_00_a": loud})
    assert not printing_import(b"x = 1\n", {"step_00_a": loud})
    assert not printing_import(step, {"step_00_a": b"def f(): pass\n", "step_01_b": loud})
    both = step + b"from step_01_b import g\n"
    assert not printing_import(both, {"step_00_a": loud, "step_01_b": loud})


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00", b"def f(" + b"(" * 10**6, b"def f():\n" + b"\n" * 10**6, b'"""' * 300_000,
        b"def f():\n" + b" for x in y:\n  return\n" * 200_000, b"#" * 10**6, b" " * 10**6 + b"x.to(",
        b"def f():\n" + b"".join(b" " * (n % 250) + b"for x in y: continue\n" for n in range(20_000)),
    ],
)  # fmt: skip
def test_hostile_text_takes_no_time(text):
    start = time.process_time()
    slip(text, "f")
    attribute_meant(text, "a")
    attribute_alike(text.decode("utf-8", "replace"))
    printing_import(text, {"step_00_a": text})
    assert time.process_time() - start < 2


def messages(kit, step):
    """Return what a learner reads of each function of a step that is not right."""
    return {
        test["function"]: test["message"] for test in kit.verdicts(step)[step] if test["message"]
    }


def test_a_learner_reads_of_a_slip_and_of_a_print_elsewhere(kit):
    kit.write("step_00_numbers", TOY_SOLUTION.replace("return 2 * x", "print(x)\n    return 2 * x"))
    own = """from step_00_numbers import double


def total(x):
    result = 0.0
    for one in x:
        result += double(one)
        return result
"""
    kit.write("step_01_lines", own)
    said = messages(kit, "01")["total"]
    assert "The `return` in line" in said and "ends in its first round" in said
    assert "Your code printed: 1.0\nThe `print` is in line" in said
    assert "of step_00_numbers.py, which this step imports." in said


def test_no_slip_is_looked_for_where_an_input_was_changed_or_an_error_is_missing(kit):
    body = "for one in x:\n        x[0] = 0.0\n        return one\n"
    kit.write("step_00_numbers", TOY_SOLUTION + f"\n\ndef total(x):\n    {body}")
    said = messages(kit, "00")["total"]
    assert "Your code changed its inputs" in said and "loop" not in said


def test_a_stub_left_below_the_own_function_is_a_failure_that_is_explained(kit):
    stub = '\n\ndef double(x):\n    raise NotImplementedError("`double` is not written yet.")\n'
    kit.write("step_00_numbers", TOY_SOLUTION + stub)
    assert "`double` is defined more than once, in lines" in messages(kit, "00")["double"]
