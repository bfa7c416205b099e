"""Due dates: how late a submission is, and what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Extension:
    """What is agreed with one learner; None stands for what the course file says.

    Attributes:
        due: the learner's own due date.
        late_days: how many days this learner may be late without a penalty.
        handed_in: when the learner handed in, if no platform says so.
    """

    due: datetime | None = None
    late_days: int | None = None
    handed_in: datetime | None = None


@dataclass(frozen=True)
class Lateness:
    """How late a submission is.

    Attributes:
        due: when it was due; None without a due date.
        days: how many days it is late, each one counted that has begun; 0 within the grace period.
        free: how many of these days are taken from the learner's pool.
        percent: how much of the points that were reached is taken off.
    """

    due: datetime | None = None
    days: int = 0
    free: int = 0
    percent: float = 0.0


@dataclass(frozen=True)
class Dates:
    """The table `[dates]` of the course file.

    Attributes:
        due: when submissions are due; None if there is no due date.
        grace_minutes: how much later still counts as in time.
        late_percent_per_day: the part of the reached points that each day costs which has begun.
        late_percent_at_most: the most that lateness costs, in percent of the reached points.
        late_days: how many days a learner may be late without a penalty.
        reveal_after: from then on, learners see all of a hidden test that failed, whatever `hidden_feedback` says.
    """

    due: datetime | None = None
    grace_minutes: float = 0
    late_percent_per_day: float = 0
    late_percent_at_most: float = 100
    late_days: int = 0
    reveal_after: datetime | None = None

    def lateness(self, handed_in: datetime | None, extension: Extension | None = None) -> Lateness:
        """Return how late a submission is.

        Args:
            handed_in: when it was handed in; None if nobody knows, which costs nothing.
            extension: what is agreed with the learner.
        """
        extension = extension or Extension()
        due = extension.due or self.due
        if due is None or handed_in is None:
            return Lateness(due)
        # Not added to the date, which may be the last one that there is.
        if handed_in - due <= timedelta(minutes=self.grace_minutes):
            return Lateness(due)
        days = math.ceil((handed_in - due) / _DAY)
        pool = self.late_days if extension.late_days is None else extension.late_days
        free = min(days, pool)
        percent = min((days - free) * self.late_percent_per_day, self.late_percent_at_most)
        return Lateness(due, days, free, percent)

    def feedback(self, usual: str, now: datetime) -> str:
        """Return how much learners see of a failed hidden test at a time (see `grader.course.verdicts.shown`)."""
        return "all" if self.reveal_after and now >= self.reveal_after else usual
