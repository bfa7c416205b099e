"""Marks: what a gradebook holds of each submission, for everything that shows or exports it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

_DIGITS = 6


@dataclass(frozen=True)
class Learner:
    """Who handed something in, as a platform says it.

    Attributes:
        name: the name as given; "" if there is none.
        ids: what the platform knows the learner by, such as {"moodle": "Participant 123"}, {"canvas": "4567"},
            {"gradescope": "123456789", "sid": "…", "email": "…"}.
    """

    name: str
    ids: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Student:
    """A row of the teacher's roster.

    Attributes:
        id: the value of the id column.
        name: the full name; "" if the roster has none.
        first_name: the first name, or "".
        last_name: the last name, or "".
        email: the e-mail address, or "".
    """

    id: str
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""


@dataclass(frozen=True)
class Mark:
    """The mark of one submission that stands: the published one, or else the last one.

    Attributes:
        submission: the submission's name as given; "" if a student of the roster handed nothing in.
        folder: the name of its folder in the output; "" if nothing was handed in.
        steps: the points reached in each step, by id, before any penalty; empty if there is no result.
        max_steps: what each of these steps is worth, by id.
        raw: the sum of `steps`; None if there is no result, which is not the same as 0.
        penalty: the points that are taken off because it was late.
        max_score: what all steps that are graded are worth.
        handed_in: when it was handed in; None if nobody says.
        due: when it was due for this learner; None without a due date.
        graded_at: when the mark was given; None without a result.
        problem: why there is no result, or why it is not final, as a clause; or "".
        attempt: which of the learner's attempts it is, from 1; 0 if the platform does not tell.
        sha256: digest of what was handed in, in hexadecimal; "" if there is no result.
        learners: who handed it in, as the platform says; several for a group, none if nobody says.
        student: the row of the roster that it belongs to; of a group, the same mark stands once for each. None
            without a roster, or if no row fits.
        published: whether the mark was published.
    """

    submission: str
    folder: str
    steps: dict[str, float]
    max_steps: dict[str, float]
    raw: float | None
    penalty: float
    max_score: float
    handed_in: datetime | None = None
    due: datetime | None = None
    graded_at: datetime | None = None
    problem: str = ""
    attempt: int = 0
    sha256: str = ""
    learners: tuple[Learner, ...] = ()
    student: Student | None = None
    published: bool = False

    @property
    def score(self) -> float | None:
        """The points after the penalty; None if there is no result, which is not the same as 0."""
        return None if self.raw is None else round(max(0.0, self.raw - self.penalty), _DIGITS)
