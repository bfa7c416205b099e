"""docs/api.md: its examples pass on the solutions, and it has every name that a test may call."""

import ast
import re

from grader.course.course import Course
from grader.run.shared_source import SHARED
from tests.kit.conftest import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
MODULES = [
    "judge/learner",
    *(f"testing/{name}" for name in ("answers", "probes", "properties", "strategies")),
    *(shared.removeprefix("grader/").removesuffix(".py") for shared in SHARED),
]
# The steps whose functions the examples call; no two of these functions share a name.
STEPS = ("00", "01", "02", "03", "08", "10", "17")
# The classes whose methods authors call; those of the other classes are for the plugin.
CLASSES = {"Answer", "Learner"}


def spelled(function):
    """Return a function as the page spells it: its name, parameters and defaults."""
    arguments = function.args
    arguments.args = [argument for argument in arguments.args if argument.arg != "self"]
    for node in ast.walk(arguments):
        if isinstance(node, ast.arg):
            node.annotation = None
    return f"{function.name}({ast.unparse(arguments)})"


def public_names(body):
    """Yield the public names that these statements define, functions with their parameters."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            is_property = "cached_property" in "".join(map(ast.unparse, node.decorator_list))
            yield node.name if is_property else spelled(node)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
            if node.name in CLASSES:
                yield from public_names(node.body)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and not target.id.startswith("_"):
                    yield target.id


def test_the_page_lists_every_public_name_and_no_other():
    sources = [(ROOT / f"grader/{module}.py").read_text("utf-8") for module in MODULES]
    known = {name for source in sources for name in public_names(ast.parse(source).body)}
    missing = sorted(name for name in known if f"`{name}`" not in PAGE)
    assert not missing, f"docs/api.md does not mention {missing}"
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))
    stale = set(re.findall(r"`(\w+\([^`]*\))`", rows)) - known
    assert not stale, f"docs/api.md lists {sorted(stale)}, which is not there"


def test_every_example_passes(kit_factory):
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert all("def test_" in example for example in examples)
    course = Course.load(ROOT)
    steps = [course.by_id[id] for id in STEPS]
    kit = kit_factory(*(step.module for step in steps), "step_99_course", seconds=60)
    for step in steps:
        kit.write(step.module, (ROOT / "solutions" / step.filename).read_bytes())
    kit.write("step_99_course", "\n".join(f"from {step.module} import *" for step in steps))
    kit.set_packages("optimizers")
    tests = kit.root / "tests" / "steps" / "test_step_99.py"
    tests.write_text("\n\n".join(examples), "utf-8")
    ran = kit.pytest("-q", str(tests))
    count = tests.read_text("utf-8").count("\ndef test_")
    assert f"\n{count} passed" in ran.stdout and ran.returncode == 0, ran.stdout + ran.stderr
    assert "warning" not in ran.stdout
