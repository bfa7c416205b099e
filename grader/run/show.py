"""`show`: draws the pictures of a step from the learner's own code, and shows them in terminals that can."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course.course import Course, Step
from grader.submissions.submission import Submission

if TYPE_CHECKING:
    from rich.console import Console

    from grader.judge.pictures import Drawn

_COLUMNS_OF_SHEET = 4
_SHEET_WIDTH, _GAP = 1600, 8
_SHEET_COLOURS = 256


def has_pictures(step: Step) -> bool:
    """Return whether a step has pictures at all, without loading them and NumPy."""
    return find_spec(f"grader.content.pictures.step_{step.id}") is not None


def no_pictures(step: Step) -> str:
    """Return the sentence for a step without pictures."""
    return f"Step {step.id}, {step.title}, has no pictures: its numbers say all there is."


def show(
    course: Course, submission: Submission, steps: Sequence[Step], folder_of: Callable[[Step], Path]
) -> Iterator[tuple[Step, Drawn]]:
    """Draw the pictures of steps.

    Args:
        course: the course.
        submission: the learner's modules.
        steps: the steps.
        folder_of: the folder for the pictures of a step.

    Yields:
        Each step with one of its pictures, as soon as that is drawn.

    Raises:
        NoMatplotlib: matplotlib is not installed.
        LaunchError: no worker can be started.
    """
    from grader.launch.launchers import pick_launcher

    launcher = pick_launcher(layers=["limits"], limits=course.limits)
    # Start now, so that the zygote loads packages while this process imports matplotlib.
    launcher.prepare({step.packages for step in steps})
    try:
        launcher.prefer("scratch")
        from grader.judge.pictures import draw_pictures

        for step in steps:
            branch = launcher.branch()
            try:
                for drawn in draw_pictures(course, branch, submission, step, folder_of(step)):
                    yield step, drawn
            finally:
                branch.close()
    finally:
        launcher.close()


def terminal_image() -> Callable[[Path], Any] | None:
    """Return what makes of a PNG file something that rich prints as a picture; None if the terminal shows none.

    Kitty and those with sixel (iTerm2, Windows Terminal, WezTerm, …) show pictures. What `textual-image` makes for
    others, of coloured letters, would be unreadable.
    """
    if not (sys.stdout.isatty() and sys.stdin and sys.stdin.isatty()):
        return None
    try:
        # The import asks the terminal what it can show.
        from textual_image.renderable import Image, SixelImage, TGPImage
    except Exception:
        return None
    if Image not in (SixelImage, TGPImage):
        return None
    return lambda path: Image(path, width="auto", height="auto")


def show_in_terminal(console: Console, image: Callable[[Path], Any], path: Path) -> None:
    """Print a picture; what the terminal or the library cannot do is left out, since the file is there."""
    try:
        console.print(image(path))
    except Exception:
        return


def contact_sheet(files: Sequence[Path], sheet: Path) -> None:
    """Write one picture of all pictures, for the README.

    Args:
        files: PNG files.
        sheet: the file to write, a PNG of at most 1600 pixels in width.
    """
    from PIL import Image

    width = (_SHEET_WIDTH - _GAP * (_COLUMNS_OF_SHEET + 1)) // _COLUMNS_OF_SHEET
    # Each goes to the shortest column so far.
    ends = [_GAP] * _COLUMNS_OF_SHEET
    placed = []
    for file in files:
        with Image.open(file) as image:
            small = image.convert("RGB")
        small = small.resize(
            (width, round(small.height * width / small.width)), Image.Resampling.LANCZOS
        )
        column = ends.index(min(ends))
        placed.append((small, (_GAP + column * (width + _GAP), ends[column])))
        ends[column] += small.height + _GAP
    whole = Image.new("RGB", (_SHEET_WIDTH, max(ends)), "#DDDDDD")
    for small, place in placed:
        whole.paste(small, place)
    whole.quantize(_SHEET_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        sheet, optimize=True
    )
