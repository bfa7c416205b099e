"""Shows the strength of tests: as a table, and as one sentence for each problem."""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.course.course import Step
from grader.course.paths import EQUIVALENT
from grader.maintain.mutants import Mutant

# The least that all steps together must reach.
VISIBLE_SHARE, NAMED_SHARE, MUTATION_SCORE = 0.90, 0.95, 0.99
COLUMNS = (
    "step",
    "mistakes",
    "hidden",
    "visible",
    "named",
    "styles",
    "mutants",
    "caught",
    "equal",
    "idle",
    "errors",
    "silent",
)
LEGEND = """\
mistakes: known ones; hidden, visible: those that such a test fails; named: those that feedback names
styles: correct modules; mutants: changed solutions; caught: those that a test fails; equal: listed as no change
idle: modules that do no work; errors: slips put into the solution; silent: those for which nothing is named
"""


@dataclass
class StepStrength:
    """The strength of one step's tests; each list contains what should not happen.

    Attributes:
        step: the step.
        misconceptions: number of misconceptions.
        not_hidden: ids of misconceptions that pass all hidden tests of their function.
        not_visible: ids of misconceptions that pass all visible tests of their function.
        elsewhere: ids of misconceptions that fail a test of another function.
        unnamed: ids of misconceptions that are not named.
        misnamed: ids of misconceptions for which another one is named.
        mutants: number of mutants, without the listed equivalents.
        survivors: mutants that pass all tests.
        equivalents: ids of mutants that are listed as equivalent.
        injected: number of modules with an error that is not a known mistake.
        false_names: ids of such errors, each with the misconception that is named.
        idle: number of modules whose functions do no work.
        rewarded: ids of tests that such modules pass, each with what the functions do.
        refused: styles in which a test fails or a misconception is named, each with the test and its status, or
            with the misconception.
        styles: number of correct modules.
        stale: whether the recorded behaviour is out of date.
        made_of: digest of everything that the strength depends on, from before the measurement.
    """

    step: Step
    misconceptions: int = 0
    not_hidden: list[str] = field(default_factory=list)
    not_visible: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    mutants: int = 0
    survivors: list[Mutant] = field(default_factory=list)
    equivalents: set[str] = field(default_factory=set)
    injected: int = 0
    false_names: list[str] = field(default_factory=list)
    idle: int = 0
    rewarded: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    styles: int = 0
    stale: bool = False
    made_of: str = ""


def problems(strengths: list[StepStrength]) -> list[str]:
    """Return what is not good enough, as sentences; none if all is well."""
    misconceptions = sum(strength.misconceptions for strength in strengths)
    mutants = sum(strength.mutants for strength in strengths)
    sentences = []
    for strength in strengths:
        for problem, names in (
            ("it passes all hidden tests of its function", strength.not_hidden),
            ("it fails a test of another function", strength.elsewhere),
            ("another misconception is named for it", strength.misnamed),
            ("the error is not this mistake", strength.false_names),
            ("a correct style is refused", strength.refused),
            ("a function that does no work passes this test", strength.rewarded),
        ):
            sentences += [f"{strength.step.id} {name}: {problem}." for name in names]
        if strength.stale:
            sentences.append(
                f"{strength.step.id}: the recorded behaviour is out of date; run `make record`."
            )
    not_visible = [name for strength in strengths for name in strength.not_visible]
    unnamed = [name for strength in strengths for name in strength.unnamed]
    survivors = [mutant.id for strength in strengths for mutant in strength.survivors]
    for what, total, missed, least in (
        ("of misconceptions fail a visible test", misconceptions, not_visible, VISIBLE_SHARE),
        ("of misconceptions are named", misconceptions, unnamed, NAMED_SHARE),
        ("of mutants are caught", mutants, survivors, MUTATION_SCORE),
    ):
        # Integers, because rounding of floats could put a share of exactly 90 % below the limit.
        if 100 * (total - len(missed)) < round(100 * least) * total:
            share = 1 - len(missed) / total
            sentences.append(
                f"{share:.1%} {what}, but {least:.0%} are required: {', '.join(missed)}."
            )
            if missed is survivors:
                changes = [mutant for strength in strengths for mutant in strength.survivors]
                sentences += [f"{one.id} is: {one.before}  ->  {one.after}" for one in changes]
                sentences.append(f"Write a test that fails for it, or list it in {EQUIVALENT}.")
    return sentences


def table(strengths: list[StepStrength]) -> list[tuple[str, ...]]:
    """Return a row of text cells for each step and one for all steps together, as in COLUMNS."""
    rows = []
    for strength in strengths:
        count = strength.misconceptions
        parts = (strength.not_hidden, strength.not_visible, strength.unnamed)
        numbers = [count, *(count - len(part) for part in parts), strength.styles]
        numbers += [strength.mutants, strength.mutants - len(strength.survivors)]
        numbers += [len(strength.equivalents), strength.idle]
        numbers += [strength.injected, strength.injected - len(strength.false_names)]
        rows.append((strength.step.id, *numbers))
    total = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
    return [tuple(map(str, row)) for row in (*rows, ("all", *total))]
