"""A check: one rule as an async function of a subject, with a deadline, that fails with a readable AssertionError."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio
from attrs import frozen

from .subjects import Subject

S = TypeVar("S", bound=Subject)

DEADLINE = 60.0
"""Seconds of trio's clock that one check may take; whatever hangs becomes a failure that says so."""


@frozen
class Check(Generic[S]):
    """One rule. Call it with a subject: it returns where the rule holds, else raises AssertionError.

    `str(check)` is its name, which suits `pytest.mark.parametrize(..., ids=str)`.
    """

    name: str
    rule: str
    function: Callable[[S], Awaitable[None]]

    async def __call__(self, subject: S, /) -> None:
        try:
            with trio.fail_after(DEADLINE):
                await self.function(subject)
        except trio.TooSlowError as error:
            raise self._failure(subject, f"not done in {DEADLINE:g} s") from error
        except Exception as error:  # whatever a subject raises: the kit's user sees one kind of failure
            raise self._failure(subject, _text(error)) from error

    def _failure(self, subject: S, text: str) -> AssertionError:
        return AssertionError(f"{self.name} fails for {subject}: {text}\nThe rule: {self.rule}")

    def __str__(self) -> str:
        return self.name


def check(function: Callable[[S], Awaitable[None]]) -> Check[S]:
    """Make a check of an async function; its docstring states the rule."""
    name = str(getattr(function, "__name__", "check"))
    return Check(name, inspect.cleandoc(function.__doc__ or name), function)


def _text(error: Exception) -> str:
    leaves = _leaves(error)
    telling = next((leaf for leaf in leaves if isinstance(leaf, AssertionError)), leaves[0])
    return str(telling) if isinstance(telling, AssertionError) else f"{type(telling).__name__}: {telling}"


def _leaves(error: BaseException) -> list[BaseException]:
    """Return what is inside of exception groups: nurseries of the check and of the subject make them."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
