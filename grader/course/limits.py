"""The limits of a worker, and the names of the layers of isolation."""

from __future__ import annotations

from dataclasses import dataclass

# In the order in which a worker enters them; see `grader.sandbox.layers`.
LAYERS = ("limits", "scratch", "uid", "landlock", "seccomp")


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    Attributes:
        memory_mb: its own memory, in MiB, beyond what it shares with the zygote.
        cpu_seconds: processor time of all its threads together.
        scratch_mb: size of its scratch folder, and of any single file, in MiB.
        threads: how many threads it may have.
    """

    memory_mb: int = 2048
    cpu_seconds: int = 300
    scratch_mb: int = 64
    threads: int = 64
