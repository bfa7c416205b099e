"""Answers with texts that act on a terminal, on HTML, on a spreadsheet, or that are no Unicode."""
# expect: gradients=failed|timeout rest=passed

from itertools import cycle

VALUES = cycle(
    [
        "\x1b[2J\x1b]0;title\x07",
        "<script>alert(1)</script>",
        "=HYPERLINK(1)",
        "\ud800\udfff",
        "\0\r\b\x7f\u202e\u2028",
        "x" * 1_000_000,
        b"\xff" * 1000,
        "[bold red]{0}%s",
    ]
)


def gradients(a, b, x, y):
    return next(VALUES), {next(VALUES): next(VALUES)}
