"""A new stub and a learner's work in the old one: what is still a stub is renewed, what was written stays."""

import pytest

from grader.run.merge import merge
from grader.run.pieces import Unmergeable

STUB = '''"""Step 5.

The lesson.
"""

import math

from torch import nn


def first(x):
    """Return the first."""
    # TODO: Return the first.
    raise NotImplementedError("`first` is not written yet.")


def second(x):
    """Return the second."""
    # TODO: Return the second.
    raise NotImplementedError("`second` is not written yet.")


class Model(nn.Module):
    """A model."""

    def forward(self, x):
        """Return x."""
        # TODO: Return x.
        raise NotImplementedError("`Model.forward` is not written yet.")
'''
RAISE = 'raise NotImplementedError("`{}` is not written yet.")'
THIRD = '''def third(x):
    """Return the third."""
    # TODO: Return the third.
    raise NotImplementedError("`third` is not written yet.")
'''
NEW = (
    STUB.replace("The lesson.", "The better lesson.")
    .replace("import math\n", "import math\nimport random\n")
    .replace("from torch import nn", "from torch import Tensor, nn")
    .replace("the first", "the very first")
    .replace("the second", "the very second")
    .replace("\n\nclass Model", f"\n\n{THIRD}\n\nclass Model")
)
WRITTEN = (
    STUB.replace("# TODO: Return the first.", "# I tried x[1] before.")
    .replace(RAISE.format("first"), "return pick(x, 0)")
    .replace("from torch import nn\n", "from torch import nn\n\nimport numpy as np\n\nLIMIT = 3\n")
    + "\n\n# A helper of mine.\ndef pick(x, i):\n    return x[i]\n"
)


def merged(mine, old=STUB, new=NEW):
    """Return the text after a merge, what was taken, and what was kept."""
    found = merge(old, new, mine.encode())
    return found.source.decode(), found.taken, found.kept


def test_a_stub_in_which_nothing_was_written_becomes_the_new_one():
    assert merged(STUB) == (NEW, ("the new stub",), ())


def test_what_was_written_stays_and_all_else_is_new():
    text, taken, kept = merged(WRITTEN)
    assert taken == ("the lesson", "its imports", "`second`", "`third`")
    assert kept == ("`first`",)
    expected = (
        NEW.replace("the very first", "the first")
        .replace("# TODO: Return the first.", "# I tried x[1] before.")
        .replace(RAISE.format("first"), "return pick(x, 0)")
    )
    head, tail = expected.index("import math"), expected.index("def first")
    imports = "import math\n\nimport numpy as np\nimport random\nfrom torch import Tensor, nn\n\nLIMIT = 3\n\n\n"
    mine = "\n\n# A helper of mine.\ndef pick(x, i):\n    return x[i]\n"
    assert text == expected[:head] + imports + expected[tail:] + mine


def test_a_merge_that_is_done_once_more_changes_nothing():
    text, _, _ = merged(WRITTEN)
    assert merged(text) == (text, (), ("`first`",))
    assert merged(text, old=NEW) == (text, (), ())


@pytest.mark.parametrize(
    ("mine", "kept"),
    [
        (STUB.replace("The lesson.", "The lesson. My note."), "the lesson"),
        (STUB.replace("# TODO: Return the second.", "# x[1]?"), "`second`"),
        (STUB.replace('"""Return the second."""', '"""Return it."""'), "`second`"),
        (STUB + "\n\nthird = first\n", "`third`"),
        (STUB + "\n\ndef third(x):\n    return x[2]\n", "`third`"),
        (STUB + "\n\nif LATER:\n    def third(x):\n        return x[2]\n", "`third`"),
        (STUB + "\n\ntry:\n    from elsewhere import third\nexcept ImportError:\n    pass\n", "`third`"),
        (STUB.replace("def second", "def one") + "\n\nsecond = one\n", "`second`"),
    ],
)  # fmt: skip
def test_whatever_was_changed_is_the_learners(mine, kept):
    text, _, names = merged(mine)
    assert names == (kept,)
    left = iter(text.split("\n"))
    own = [line for line in mine.split("\n") if line not in STUB.split("\n")]
    assert all(line in left for line in own)


def test_a_written_function_below_its_stub_stays_the_last_one():
    text, _, kept = merged(STUB + "\n\ndef second(x):\n    return x[1]\n")
    assert kept == ("`second`",)
    assert text.index("the very second") < text.index("return x[1]")


def test_comments_below_a_stub_stay_with_it():
    mine = STUB.replace(RAISE.format("second"), RAISE.format("second") + "\n    # perhaps x[1]")
    text, _, _ = merged(mine)
    assert RAISE.format("second") + "\n    # perhaps x[1]\n\n\ndef third" in text


def test_a_function_that_the_course_has_no_more_goes_if_nothing_was_written_in_it():
    new = STUB.replace(STUB[STUB.index("def second") : STUB.index("class Model")], "")
    mine = STUB + "\n\nLIMIT = 3\n"
    text, taken, _ = merged(mine, new=new)
    assert text == new + "\n\nLIMIT = 3\n" and taken == ("`second` is gone",)
    for mine in (STUB + "\n\nLIMIT = second\n", STUB.replace(RAISE.format("second"), "return 2")):
        assert merged(mine, new=new)[0] == mine


def test_an_import_that_the_course_has_no_more_stays():
    new = STUB.replace("import math\n\n", "")
    mine = STUB + "\n\nHALF = math.pi / 2\n"
    assert merged(mine, new=new)[0] == mine


@pytest.mark.parametrize("mine", ["import torch.nn as nn", "import another_torch as nn"])
def test_an_import_that_was_replaced_stays(mine):
    new = STUB.replace("import math\n", "import math\nimport random\n")
    text, _, _ = merged(STUB.replace("from torch import nn", mine), new=new)
    assert text == STUB.replace("from torch import nn", f"{mine}\nimport random")


def test_an_import_from_the_future_comes_first():
    new = STUB.replace("import math", "from __future__ import annotations\n\nimport math")
    text, _, _ = merged(STUB + "\n\nLIMIT = 3\n", new=new)
    assert text == new + "\n\nLIMIT = 3\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_mark_stay_as_the_editor_writes_them(newline, mark):
    mine = mark + WRITTEN.replace("\n", newline).encode()
    assert (
        merge(STUB, NEW, mine).source == mark + merged(WRITTEN)[0].replace("\n", newline).encode()
    )
    untouched = mark + STUB.replace("\n", newline).encode()
    assert merge(STUB, NEW, untouched).source == mark + NEW.replace("\n", newline).encode()


def test_where_nothing_is_new_not_even_a_line_end_changes():
    mine = (WRITTEN + "\r\nLIMIT = 3").encode()
    assert merge(STUB, STUB.replace("the first", "the very first"), mine).source == mine


@pytest.mark.parametrize("odd", ["\x0c", "\u2028", "\x1c", "\x85"])
def test_no_other_sign_ends_a_line(odd):
    helper = f"\n\nSIGNS = '''{odd}\n{odd}'''\n"
    text, _, _ = merged(STUB + helper)
    assert text == NEW + helper


@pytest.mark.parametrize(
    ("mine", "words"),
    [
        (STUB.replace("def first(x):", "def first(x:"), r"it is not valid Python \(line 11\)"),
        (STUB + "\0", "it is not valid Python"),
        (STUB + "x = " + "(" * 5000, "it is not valid Python"),
        (STUB + "return 1\n", "it is not valid Python"),
        (STUB.encode() + b"# \xff\n", "it is not UTF-8"),
        (STUB + "\rx = 1\n", "its lines end in a way of their own"),
        (STUB.replace("import math", "import numpy as random"), "it imports another `random`"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "bytes",
)
def test_what_cannot_be_merged_safely_is_left_alone(mine, words):
    with pytest.raises(Unmergeable, match=words):
        merge(STUB, NEW, mine if isinstance(mine, bytes) else mine.encode())


def test_a_stub_that_is_of_another_kind_is_not_merged():
    with pytest.raises(Unmergeable, match="more than lesson, imports and definitions"):
        merge(STUB, NEW + "\n\nLIMIT = 3\n", WRITTEN.encode())
