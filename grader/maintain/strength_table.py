"""What measuring the strength of tests has found, as a table and as sentences on what is not good enough."""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.course.course import Step
from grader.maintain.mutants import Mutant

# What the whole must reach.
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


@dataclass
class StepStrength:
    """What came out for one step; each list holds what should not be.

    Attributes:
        step: the step.
        misconceptions: how many there are.
        not_hidden: those that no hidden test of their function fails.
        not_visible: those that no visible test of their function fails.
        elsewhere: those that fail a test of another function.
        unnamed: those that are not named.
        misnamed: those that are called by another's name.
        mutants: how many there are, without the listed equivalents.
        survivors: mutants that no test fails.
        equivalents: ids of listed mutants that are there.
        injected: how many modules there are with an error that is no known mistake.
        false_names: such errors, and the mistakes that they are taken for.
        idle: how many modules there are whose functions do no work.
        rewarded: tests that such modules pass, and what their functions do.
        refused: styles that fail a test, or in which a mistake was named, and where.
        styles: how many correct sets there are.
        stale: whether what is recorded is of other files.
        made_of: fingerprint of all that it depends on, from before it was measured.
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


def problems(found: list[StepStrength]) -> list[str]:
    """Return what is not good enough, as sentences; none if all is well."""
    count = sum(one.misconceptions for one in found)
    mutants = sum(one.mutants for one in found)
    texts = []
    for one in found:
        for what, names in (
            ("no hidden test fails it", one.not_hidden),
            ("it fails a test of another function", one.elsewhere),
            ("it is called by another's name", one.misnamed),
            ("an error is taken for a mistake that it is not", one.false_names),
            ("a correct style is refused", one.refused),
            ("a function that does no work passes it", one.rewarded),
        ):
            texts += [f"{one.step.id} {name}: {what}." for name in names]
        if one.stale:
            texts.append(f"{one.step.id}: what is recorded is of other files; run `make record`.")
    shares = [
        (
            "failed by visible tests",
            count,
            [n for s in found for n in s.not_visible],
            VISIBLE_SHARE,
        ),
        ("named", count, [n for s in found for n in s.unnamed], NAMED_SHARE),
        ("of mutants caught", mutants, [m.id for s in found for m in s.survivors], MUTATION_SCORE),
    ]
    for what, total, bad, least in shares:
        # Whole numbers: in floats, 90 % of 20 is more than 18.
        if 100 * (total - len(bad)) < round(100 * least) * total:
            share = 1 - len(bad) / total
            texts.append(f"{share:.1%} {what}, and {least:.0%} are wanted: {', '.join(bad)}.")
    return texts


def table(found: list[StepStrength]) -> list[tuple[str, ...]]:
    """Return a row of texts for each step and one for all together, as in COLUMNS."""
    rows = []
    for one in found:
        count = one.misconceptions
        parts = (one.not_hidden, one.not_visible, one.unnamed)
        numbers = [count, *(count - len(part) for part in parts), one.styles]
        numbers += [one.mutants, one.mutants - len(one.survivors), len(one.equivalents), one.idle]
        numbers += [one.injected, one.injected - len(one.false_names)]
        rows.append((one.step.id, *numbers))
    total = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
    return [tuple(map(str, row)) for row in (*rows, ("all", *total))]
