"""What a reader does with entries that it cannot use: note them, or stop at the first."""

from __future__ import annotations

from typing import Literal, get_args

from heatpose.datasets.samples import Problem

OnProblem = Literal["skip", "raise"]
"""Whether an entry that cannot be used is left out and noted, or stops the reading."""


class UnusableError(Exception):
    """An entry that cannot be used; the message says why, alike for all entries of the kind."""


class ProblemLog:
    """The problems that a reader meets.

    Args:
        on_problem: ``"skip"`` keeps them, ``"raise"`` raises a ValueError at the first.

    Raises:
        ValueError: another word.
    """

    def __init__(self, on_problem: OnProblem) -> None:
        if on_problem not in get_args(OnProblem):
            raise ValueError(f"on_problem must be 'skip' or 'raise', got {on_problem!r}")
        self.found: list[Problem] = []
        self._raises = on_problem == "raise"

    def __call__(self, where: str, what: str) -> None:
        """Note a problem.

        Raises:
            ValueError: the log was made to raise.
        """
        problem = Problem(where, what)
        if self._raises:
            raise ValueError(str(problem))
        self.found.append(problem)
