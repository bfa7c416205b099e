"""Makes up a class with a known outcome, and compares the results of grading it with what was to come out.

    python bench/made_up_class.py make class-of-1000 --size 1000 --seed 0
    python -m grader grade class-of-1000/class --out class-of-1000/results --jobs 2
    python bench/made_up_class.py compare class-of-1000/results

Beside the folder `class`, in the form of Moodle's export, `make` writes `expected.json`, the `worksheet.csv` that
Moodle would give for grading, and a `roster.csv`; both also know some who handed nothing in. The same size and
seed give the same class, except that attacks name the folders that they are aimed at.

What a function may reach is said in words: `passed` (all of its tests), `wrong` (not all), `nothing` (none),
`partly` (any), or statuses joined by `|` of which its tests have one each.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import os
import random
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from grader.course.course import Course, Step  # noqa: E402
from grader.course.paths import RESULTS  # noqa: E402
from grader.maintain import catalogue  # noqa: E402
from grader.maintain.mutants import mutants_of  # noqa: E402
from grader.maintain.stubs import stub_of  # noqa: E402
from tests.kit.attacks import test_attacks as attacks  # noqa: E402
from tests.kit.attacks.special import FOLDERS, SOURCES, ZIPS  # noqa: E402

EXPECTED = "expected.json"
# Kinds of learners, and how many of a hundred there are.
KINDS = {"correct": 45, "wrong": 26, "unfinished": 17, "broken": 8, "hostile": 4}
# Of so many, one more has handed in nothing.
ABSENT = 40
DUE = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
# These need memory beyond the limit, or nothing but time, for each function of a step.
_LEFT_OUT = ("bomb_memory", "slow_")
_FIRST = (
    "Anna", "Zoë", "José", "Łukasz", "Nguyễn", "Fatima", "Олена", "李", "さくら", "Björn", "Aoife", "محمد",
    "Iñaki", "Søren", "Chidi", "Priya", "Mary Ann", "D'Arcy", "Jean-Luc", "Ng",
)  # fmt: skip
_LAST = (
    "Schmidt", "O'Brien", "García López", "Müller-Lüdenscheidt", "Văn", "al-Sayed", "Шевченко", "小明",
    "田中", "Þórsdóttir", "Ní Bhriain", "علي", "Etxeberria", "Ø", "Okafor", "Rao", "St. John", "van der Berg",
)  # fmt: skip
# Who is called like this has had trouble with other programs.
_STRANGE = (
    "=cmd|' C calc'!A0", "@SUM(A1)", "-2+3", "Robert'); DROP TABLE marks;--", "<b>Bold<b>", "Null", "NaN",
    "{{7*7}}", "$(reboot)", "100%", "step_03_gradient", "con", "..Dots..", "\u202egnirts", "Tab\tTab",
)  # fmt: skip
# Ways in which a module cannot be used, each with the text that comes before the right one; "" stands alone.
_BREAKS = {
    "half a file": None,
    "no name of that kind": b"import numpy\nresult = undefined_name\n",
    "no package of that name": b"import pytorch_utils_of_mine\n",
    "an error while importing": b"raise RuntimeError('not today')\n",
    "an end while importing": b"import sys\nsys.exit(0)\n",
    "another encoding": b"# caf\xe9\n",
    "a merge": b"<<<<<<< HEAD\n",
    "tabs and spaces": b"if True:\n        x = 1\n\ty = 2\n",
}

Words = dict[str, str]


@dataclass
class Material:
    """What modules are made of, for each step by its id.

    Attributes:
        steps: the steps that the class hands in.
        right: correct modules.
        wrong: modules with one mistake, each with what is expected of the step.
        stubs: the exercises.
        halves: modules of which the last functions are not written, each with what is expected of the step.
        hostile: attacks in the module of step 03, by name: what is expected of it, and what makes the submission.
    """

    steps: list[Step]
    right: dict[str, list[bytes]] = field(default_factory=dict)
    wrong: dict[str, list[tuple[bytes, Words]]] = field(default_factory=dict)
    stubs: dict[str, bytes] = field(default_factory=dict)
    halves: dict[str, list[tuple[bytes, Words]]] = field(default_factory=dict)
    hostile: dict[str, tuple[Words, object]] = field(default_factory=dict)

    @classmethod
    def collect(cls, course: Course, steps: list[Step]) -> Material:
        """Gather correct modules, misconceptions, mutants, stubs and attacks."""
        material = cls(steps)
        equivalent = catalogue.equivalents(course)
        for step in steps:
            solution = (course.root / step.solution).read_text("utf-8")
            others = catalogue.correct_modules(course, step)
            material.right[step.id] = [solution.encode(), *others.values()]
            wrong = [
                (
                    one.module(solution),
                    {"rest": "passed", one.function: "wrong"} | dict.fromkeys(one.also, "partly"),
                )
                for one in catalogue.load(course, step)
            ]
            mutants = sorted(mutants_of(course, step), key=lambda one: one.id)
            wrong += [
                (one.module.encode(), {"rest": "partly", "step": "wrong"})
                for one in mutants
                if one.id not in equivalent
            ]
            material.wrong[step.id] = wrong
            stub = stub_of(solution, step.filename)
            material.stubs[step.id] = stub.encode()
            material.halves[step.id] = list(_halves(solution, stub))
        for path in attacks.ATTACKS:
            if not path.stem.startswith(_LEFT_OUT):
                material.hostile[path.stem] = attacks.expected(attacks.expectation(path)), path
        for name, (words, content) in (SOURCES | FOLDERS | ZIPS).items():
            material.hostile[name] = attacks.expected(words), content
        return material


def _halves(solution: str, stub: str) -> Iterator[tuple[bytes, Words]]:
    """Yield a step's module with only its first function written, with its first two, and so on."""
    unwritten = {getattr(node, "name", ""): node for node in ast.parse(stub).body}
    names = [name for name in unwritten if name]
    for count in range(1, len(names)):
        tree = ast.parse(solution)
        missing = names[count:]
        tree.body = [
            unwritten[name] if (name := getattr(node, "name", "")) in missing else node
            for node in tree.body
        ]
        # What is written may need what is not.
        words = {"rest": "passed|not_started"} | dict.fromkeys(missing, "nothing")
        yield ast.unparse(tree).encode(), words


@dataclass
class Learner:
    """One learner of the class.

    Attributes:
        name: the full name.
        number: the number of the participant.
        kind: the kind of learner, and what is special.
        expected: what each function may reach, by the id of the step.
        modules: the bytes of each module, by file name.
        make: what makes the content of the submission, instead of the modules.
    """

    name: str
    number: int
    kind: str
    expected: dict[str, Words] = field(default_factory=dict)
    modules: dict[str, bytes] = field(default_factory=dict)
    make: object = None

    @property
    def email(self) -> str:
        """The e-mail address."""
        return f"learner{self.number}@example.org"

    @property
    def key(self) -> str:
        """The name of the submission."""
        return f"{self.name}_{self.number}"


def make(target: Path, size: int, seed: int, steps: str = "") -> None:
    """Write a class into a folder, which must not exist.

    Args:
        target: the folder.
        size: the number of learners who handed something in.
        seed: the seed of all that is drawn.
        steps: the steps that they hand in, such as "03,06"; "" for all. Attacks are in step 03.
    """
    course = Course.load(ROOT)
    chosen = [course.find(name) for name in steps.split(",") if name] or list(course.steps)
    material = Material.collect(course, chosen)
    folder = target.resolve() / "class"
    folder.mkdir(parents=True)
    learners = list(_learners(material, size, seed))
    for order, learner in enumerate(learners):
        if not learner.kind.startswith("absent"):
            _hand_in(learner, folder, random.Random(f"{seed} files {order}"), order)
    expected = {
        one.key: {"kind": one.kind, "steps": one.expected}
        for one in learners
        if not one.kind.startswith("absent")
    }
    about = {"size": size, "seed": seed, "submissions": expected}
    (target / EXPECTED).write_text(json.dumps(about, indent=1, ensure_ascii=True) + "\n", "utf-8")
    _write_lists(target, learners)


def _learners(material: Material, size: int, seed: int) -> Iterator[Learner]:
    draw = random.Random(f"{seed} class")
    kinds = [kind for kind, share in KINDS.items() for _ in range(share)]
    drawn = [kinds[(2 * i + 1) * len(kinds) // (2 * size)] for i in range(size)]
    draw.shuffle(drawn)
    drawn += ["absent"] * (size // ABSENT)
    numbers = draw.sample(range(10_000, 10_000 + 20 * len(drawn)), len(drawn))
    hostile = draw.sample(sorted(material.hostile), len(material.hostile))
    strange = 0
    for order, (kind, number) in enumerate(zip(drawn, numbers, strict=True)):
        own = random.Random(f"{seed} learner {order}")
        name = f"{own.choice(_FIRST)} {own.choice(_LAST)}"
        if own.random() < 0.05:
            name, strange = _STRANGE[strange % len(_STRANGE)], strange + 1
        learner = Learner(name, number, kind)
        for step in material.steps:
            learner.modules[step.filename] = own.choice(material.right[step.id])
            learner.expected[step.id] = {"rest": "passed"}
        if kind == "wrong":
            _make_wrong(learner, material, own)
        elif kind == "unfinished":
            _make_unfinished(learner, material, own)
        elif kind == "broken":
            _make_broken(learner, material, own)
        elif kind == "hostile":
            _make_hostile(learner, material, hostile.pop())
            hostile = hostile or draw.sample(sorted(material.hostile), len(material.hostile))
        yield learner


def _make_wrong(learner: Learner, material: Material, own: random.Random) -> None:
    for step in own.sample(material.steps, min(own.randint(1, 6), len(material.steps))):
        if material.wrong[step.id]:
            module, words = own.choice(material.wrong[step.id])
            learner.modules[step.filename], learner.expected[step.id] = module, words


def _make_unfinished(learner: Learner, material: Material, own: random.Random) -> None:
    steps = material.steps
    reached = own.randrange(len(steps))
    has_stubs = own.random() < 0.5
    learner.kind += ", with stubs" if has_stubs else ", files missing"
    for step in steps[reached + 1 :]:
        learner.expected[step.id] = {"rest": "not_started"}
        if has_stubs:
            learner.modules[step.filename] = material.stubs[step.id]
        else:
            del learner.modules[step.filename]
    step = steps[reached]
    if halves := material.halves[step.id]:
        learner.modules[step.filename], learner.expected[step.id] = own.choice(halves)


def _make_broken(learner: Learner, material: Material, own: random.Random) -> None:
    if own.random() < 0.15:
        what = own.choice(["a torn archive", "an empty folder", "only another file"])
        learner.kind += f", {what}"
        learner.expected = {step.id: {"rest": "nothing"} for step in material.steps}
        learner.modules = {"essay.pdf": b"%PDF-1.4\n"} if what == "only another file" else {}
        if what == "a torn archive":
            learner.modules = {"lab.zip": b"PK\x03\x04 and nothing more"}
        return
    for step in own.sample(material.steps, min(own.randint(1, 3), len(material.steps))):
        what = own.choice(list(_BREAKS))
        learner.kind += f", {step.id} {what}"
        right = learner.modules[step.filename]
        before = _BREAKS[what]
        learner.modules[step.filename] = _cut(right, own) if before is None else before + right
        learner.expected[step.id] = {"rest": "nothing"}


def _cut(source: bytes, own: random.Random) -> bytes:
    """Return the beginning of a module, cut where Python cannot read it any more."""
    while True:
        part = source[: own.randrange(len(source) // 3, len(source))]
        try:
            ast.parse(part)
        except (SyntaxError, ValueError):
            return part


def _make_hostile(learner: Learner, material: Material, name: str) -> None:
    words, content = material.hostile[name]
    learner.kind += f", {name}"
    if callable(content):
        # It makes the whole submission, with this one module in it.
        learner.make, learner.modules = content, {}
        learner.expected = {one.id: {"rest": "nothing"} for one in material.steps}
    elif isinstance(content, bytes):
        learner.modules[attacks.MODULE] = content
    else:
        learner.make = content
    if "03" in learner.expected:
        learner.expected["03"] = words


def _hand_in(learner: Learner, folder: Path, own: random.Random, order: int) -> None:
    """Write what a learner hands in, in one of the ways that learners do it."""
    # A name of a file has no slash; Moodle takes it out, too.
    place = folder / f"{learner.key}_assignsubmission_file"
    place.mkdir()
    modules = dict(learner.modules)
    if isinstance(learner.make, Path):
        names = {"KIT": str(ROOT), "CLASS": str(folder), "OUT": str(folder.parent / "results")}
        names |= {"CANARY": str(folder.parent), "NAME": learner.key}
        modules[attacks.MODULE] = attacks.assemble(learner.make, PORT=9, SIZE=1 << 32, **names)
    elif callable(learner.make):
        learner.make(place / "lab.zip" if "zip_" in learner.kind else place)
    way = own.choice(["plain", "plain", "exercises", "zip", "zip", "renamed"])
    at = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(minutes=order * 7 % 900)
    if way == "zip" and len(modules) > 1:
        with zipfile.ZipFile(place / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, source in modules.items():
                info = zipfile.ZipInfo(f"my work/exercises/{name}", at.timetuple()[:6])
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, source)
        modules = {}
    for name, source in modules.items():
        stem, dot, ending = name.rpartition(".")
        path = place / ("exercises" if way == "exercises" else ".") / name
        if way == "renamed" and own.random() < 0.3:
            path = place / f"{stem} ({own.randint(1, 3)}){dot}{ending}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(source)
    for path in (place, *place.rglob("*")):
        os.utime(path, (at.timestamp(), at.timestamp()), follow_symlinks=False)


def _write_lists(target: Path, learners: list[Learner]) -> None:
    """Write the grading worksheet, as Moodle gives it in English, and the roster."""
    header = (
        "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade",
        "Grade can be changed", "Last modified (submission)", "Last modified (grade)",
        "Feedback comments",
    )  # fmt: skip
    with (target / "worksheet.csv").open("w", encoding="utf-8-sig", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(header)
        for one in learners:
            who = f"Participant {one.number}", one.name, one.email
            sheet.writerow([*who, "", "", "100.00", "Yes", "-", "-", ""])
    with (target / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        roster = csv.writer(file)
        roster.writerow(["id", "last_name", "first_name", "email"])
        for one in learners:
            first, _, last = one.name.rpartition(" ")
            roster.writerow([one.number, last, first, one.email])


def compare(out: Path, expected: Path) -> Iterator[str]:
    """Yield what differs between the results of a class and what is expected, as sentences.

    Args:
        out: the folder of results.
        expected: the file that `make` wrote.
    """
    submissions = json.loads(expected.read_bytes())["submissions"]
    found = {}
    for path in out.glob(f"*/{RESULTS}"):
        results = json.loads(path.read_bytes())
        found[_number_of(results["submission"])] = results
    for name, wanted in submissions.items():
        who = f"{name!a} ({wanted['kind']})"
        results = found.pop(_number_of(name), None)
        if results is None:
            yield f"{who}: there is no result"
            continue
        graded = {step["id"]: step for step in results["steps"]}
        for step, words in wanted["steps"].items():
            if step not in graded:
                yield f"{who}: step {step} was not graded"
                continue
            for problem in _problems(graded[step], words):
                yield f"{who}: step {step}: {problem}"
    for results in found.values():
        yield f"{results['submission']!a}: nobody of that name is in the class"


def _number_of(name: str) -> str:
    """Return the number of the participant, which no renaming changes."""
    return name.rpartition("_")[2]


def _problems(step: dict, words: Words) -> Iterator[str]:
    statuses: dict[str, list[str]] = {}
    for test in step["tests"]:
        statuses.setdefault(test["function"], []).append(test["status"])
    every = [status for some in statuses.values() for status in some]
    rest = words.get("rest", "partly")
    for function, some in [*statuses.items(), ("step", every)]:
        wanted = words.get(function, "partly" if function == "step" else rest)
        if not _fits(wanted, some):
            yield f"{function} should be {wanted}: {dict(Counter(some))}"
    if missing := words.keys() - statuses.keys() - {"rest", "step"}:
        yield f"no test is of {', '.join(sorted(missing))}"


def _fits(words: str, statuses: list[str]) -> bool:
    if words == "wrong":
        return set(statuses) != {"passed"}
    return attacks.fits(words, statuses)


def main() -> int:
    """Run the command, and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="make up a class")
    making.add_argument("folder", type=Path)
    making.add_argument("--size", type=int, default=1000)
    making.add_argument("--seed", type=int, default=0)
    making.add_argument("--steps", default="", help="such as 03,06; all by default")
    comparing = commands.add_parser("compare", help="compare results with what is expected")
    comparing.add_argument("out", type=Path)
    comparing.add_argument("--expected", type=Path, help="default: beside the folder of results")
    arguments = parser.parse_args()
    if arguments.command == "make":
        if arguments.folder.exists():
            print(f"{arguments.folder} exists already.", file=sys.stderr)
            return 2
        make(arguments.folder, arguments.size, arguments.seed, arguments.steps)
        return 0
    expected = arguments.expected or arguments.out.resolve().parent / EXPECTED
    problems = 0
    for line in compare(arguments.out, expected):
        problems += 1
        print(line)
    submissions = json.loads(expected.read_bytes())["submissions"]
    kinds = Counter(one["kind"].partition(",")[0] for one in submissions.values())
    print(f"{len(submissions)} submissions ({dict(kinds)}): {problems} differences.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
