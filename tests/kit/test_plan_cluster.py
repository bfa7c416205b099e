"""The plan for a large class: how many workers, and what they wait for."""

from dataclasses import replace

import pytest

from bench.plan_cluster import Costs, PlanError, plan, report

# Easy to compute with: a worker judges one submission in 2 s, and the command can take 200 in a second.
COSTS = Costs(
    processor=1.9, judged=2.0, start=100.0, read=0.001, write=0.004, command=0.005, scheduler=0.002,
    finish=0.004, task=200_000, result=50_000,
)  # fmt: skip


def test_a_small_class_needs_only_workers():
    # 3600 - 100 - 10,000 · 5 ms leaves 3450 s for 20,000 s of work.
    found = plan(COSTS, 10_000, 3600)
    assert (found.parts, found.workers) == (1, 6)
    assert found.seconds == pytest.approx(100 + 50 + 20_000 / 6)
    assert found.sent == 2_500_000_000


def test_more_workers_than_the_bottleneck_keeps_busy_are_no_use():
    assert COSTS.most_workers == 400
    assert replace(COSTS, scheduler=0.02).most_workers == 100
    # 10 ms for each submission that nobody else can do: 600,000 of them do not fit into 3500 s.
    found = plan(COSTS, 600_000, 3600)
    assert found.parts == 2 and found.seconds <= 3600
    # 3600 - 100 - 300,000 · 5 ms leaves 2000 s for 600,000 s of work, in each part.
    assert found.workers == 2 * 300


@pytest.mark.parametrize("submissions", [1, 999, 100_000, 3_000_000])
def test_every_plan_is_in_time_and_none_smaller_is(submissions):
    found = plan(COSTS, submissions, 3600)
    each = -(-submissions // found.parts)
    workers = found.workers // found.parts
    assert found.seconds <= 3600 and workers <= COSTS.most_workers
    fewer = COSTS.start + each * (COSTS.read + COSTS.finish + COSTS.judged / max(workers - 1, 1e-9))
    assert fewer > 3600


def test_what_cannot_be_is_said():
    with pytest.raises(PlanError, match="100 s to start"):
        plan(COSTS, 10, 60)


def test_the_report_names_the_bottleneck():
    lines = list(report(replace(COSTS, scheduler=0.02), 10_000, 3600))
    assert "With more than 100 workers, all wait for the scheduler." in lines
    assert "| task | 200 kB |" in lines and "in 60 minutes: one command and 6 workers" in lines[-1]
