"""Tools of `train.py`. This module is given: there is nothing to write, and no need to read on.

It says in sentences which functions are not written yet, or which step ended with an error, and it
draws losses as a picture. It needs no package.
"""

import ast
import math
import os
import sys
import traceback
from pathlib import Path

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def explain(program):
    """End here if the program needs a function that is not written yet; later, put errors into words.

    Args:
        program: path of the program. Its steps are those in the first folder that Python imports from.
    """
    folder = Path(sys.path[0]).resolve()
    problems = list(_problems(folder, ast.parse(Path(program).read_text("utf-8"))))
    if problems:
        count = "One thing is" if len(problems) == 1 else f"{len(problems)} things are"
        sys.exit("\n".join((f"{count} missing before this program can run:", *problems)))
    sys.excepthook = lambda kind, error, trace: _say(folder, program, kind, error, trace)


def _problems(folder, tree):
    """Yield a sentence for each function that a program imports from a step and that is not there."""
    for node in tree.body:
        if not (isinstance(node, ast.ImportFrom) and str(node.module).startswith("step_")):
            continue
        path = folder / f"{node.module}.py"
        step, place = f"step {node.module[5:7]}", _shown(path)
        try:
            module = ast.parse(path.read_bytes())
        except OSError:
            yield f"  {step}: there is no {place}"
            continue
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if getattr(error, "lineno", None) else ""
            yield f"  {step} is not valid Python: open {place}{line}"
            continue
        names = dict.fromkeys(name for one in node.names for name in _unwritten(module, one.name))
        for name in names:
            yield f"  {step} `{name}` is not written yet: open {place}"


def _unwritten(module, wanted):
    """Yield the names that are not written: of a function or class, and of what it uses of its module."""
    definitions = {node.name: node for node in module.body if isinstance(node, _DEFINITIONS)}
    if wanted not in definitions and wanted not in _other_names(module):
        yield wanted
    seen, waiting = set(), [wanted]
    while waiting:
        name = waiting.pop(0)
        node = definitions.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        if _is_stub(node):
            yield name
        waiting += [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)]


def _is_stub(node):
    """Return whether a function is a stub, or a class has a method that is one."""
    if isinstance(node, ast.ClassDef):
        return any(_is_stub(inner) for inner in node.body if isinstance(inner, _DEFINITIONS))
    raised = node.body[-1].exc if isinstance(node.body[-1], ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _other_names(module):
    """Return the names that a module gets by assignments and imports."""
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _say(folder, program, kind, error, trace):
    """Print an error as sentences: in which step it came, and where."""
    if issubclass(kind, KeyboardInterrupt):
        print("\nStopped.", file=sys.stderr)
        return
    frames = traceback.extract_tb(trace)
    own = [frame for frame in frames if Path(frame.filename).parent == folder]
    inner = own[-1] if own else None
    words = f"{kind.__name__}: {error}"
    if inner is None or not Path(inner.filename).stem.startswith("step_"):
        calls = [frame for frame in frames if frame.filename == str(program)]
        if not calls:
            traceback.print_exception(kind, error, trace)
            return
        said = [
            f"The program stopped at line {calls[-1].lineno} of {_shown(program)}:",
            f"    {calls[-1].line}",
            words,
            "Does each function in this line return what its lesson says?",
        ]
    else:
        step = f"step {Path(inner.filename).stem[5:7]}"
        place = f"open {_shown(inner.filename)}"
        if isinstance(error, NotImplementedError):
            said = [f"The program stopped. {step.capitalize()}: {error or words} {place}"]
        else:
            said = [
                f"The program stopped: {step} `{inner.name}` ended with an error.",
                f"    {inner.line}",
                words,
                f"To mend it, {place}, line {inner.lineno}",
            ]
    sys.stdout.flush()
    print("", *said, sep="\n", file=sys.stderr)


def _shown(path):
    """Return a path as seen from the working folder, if it lies inside."""
    short = os.path.relpath(path)
    return str(path) if short.startswith("..") else short


def draw_losses(path, curves, title):
    """Save curves of losses as a picture (SVG), which every browser shows. The loss axis is logarithmic.

    Args:
        path: name of the file.
        curves: the losses, one for each epoch, by the name of the curve.
        title: what stands above.
    """
    colors = ["#1f6fb4", "#d1651b", "#3a8a3a"]
    left, right, top, bottom = 70, 610, 50, 330
    finite = [v for values in curves.values() for v in values if 0 < v < math.inf] or [1.0]
    # The axis goes from one power of ten to another.
    low, high = math.floor(math.log10(min(finite))), math.ceil(math.log10(max(finite)))
    high = max(high, low + 1)
    epochs = max(len(values) for values in curves.values())

    def place(epoch, loss):
        across = left + (right - left) * epoch / max(epochs - 1, 1)
        up = bottom - (bottom - top) * (math.log10(loss) - low) / (high - low)
        return f"{across:.1f},{up:.1f}"

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="400" font-family="sans-serif"'
        ' font-size="14">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{(left + right) / 2}" y="28" text-anchor="middle" font-size="16">{title}</text>',
        f'<text x="{(left + right) / 2}" y="380" text-anchor="middle">epoch</text>',
        '<text x="20" y="190" text-anchor="middle" transform="rotate(-90 20 190)">loss</text>',
    ]
    for power in range(low, high + 1):
        up = place(0, 10.0**power).split(",")[1]
        parts.append(f'<path d="M{left},{up} H{right}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{left - 8}" y="{float(up) + 5}" text-anchor="end">{10.0**power:g}</text>'
        )
    for epoch in sorted({0, (epochs - 1) // 2, epochs - 1}):
        across = place(epoch, 10.0**low).split(",")[0]
        parts.append(
            f'<text x="{across}" y="{bottom + 22}" text-anchor="middle">{epoch + 1}</text>'
        )
    for i, (name, values) in enumerate(curves.items()):
        color = colors[i % len(colors)]
        points = [place(epoch, v) for epoch, v in enumerate(values) if 0 < v < math.inf]
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="2"/>'
        )
        parts.append(
            f'<text x="{right - 8}" y="{top + 22 + 22 * i}" text-anchor="end" fill="{color}">{name}</text>'
        )
    Path(path).write_text("\n".join((*parts, "</svg>\n")), "utf-8")
