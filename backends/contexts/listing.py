"""Which contexts are listed as members, how they are called there, and which are left out."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from attrs import define, field, frozen

from swarmkit.engine.names import is_host_name
from swarmkit.errors import Denied, Invalid, SwarmError
from swarmkit.part import meeting
from swarmkit.pipeline import parse_stage
from swarmkit.registry import Registry
from swarmkit.rows import Missing, Row
from swarmkit.source import Roster, member_row

from .store import DEFAULT, Context, Store, id_of

log = logging.getLogger(__name__)


@frozen
class Choice:
    """Which contexts are wanted: those `named`, or all. None is at an address that is `avoided`.

    `insecure` takes plain TCP to other machines for meant.
    """

    named: tuple[str, ...] = ()
    insecure: bool = False
    avoided: frozenset[str] = frozenset()

    def has(self, id: str) -> bool:
        """Tell whether the context of this id is wanted."""
        return not self.named or id in map(id_of, self.named)


@define
class Lister:
    """Keep a roster in step with what a store has of a choice."""

    store: Store
    choice: Choice
    roster: Roster
    _known: dict[str, Context] = field(factory=dict)  # by id, as it was last read
    _said: set[str] = field(factory=set)
    _registry: Registry = field(factory=Registry)

    def check(self) -> None:
        """Raise `Invalid` where a context is wanted that there is not."""
        contents = self.store.read()
        there = [DEFAULT, *sorted(context.name for context in contents.contexts.values())]
        wrong = [name for name in self.choice.named if name not in there and id_of(name) not in contents.broken]
        if wrong:
            raise Invalid(
                f"there is no Docker context called {' or '.join(map(repr, wrong))} in {self.store.folder}; "
                f"there are {', '.join(there)}"
            )

    def take(self) -> None:
        """List what the store has now. A context that cannot be read at the moment stays as it was."""
        try:
            contents = self.store.read()
        except Invalid as error:
            self.roster.miss([Missing("contexts", f"{error.message}; what was listed before stays")])
            return
        kept = {id: context for id, context in self._known.items() if id in contents.broken}
        self._known = {**contents.contexts, **kept}
        broken = [gap for id, gap in contents.broken.items() if self.choice.has(id)]
        rows, unnamed = self._rows(self._wanted())
        self.roster.update(rows)
        self.roster.miss([*broken, *unnamed])

    def _wanted(self) -> list[Context]:
        """Return the contexts that are wanted, in the order in which one of two goes first that clash.

        The default one is first, so that no new context takes its place; those that keep their names are next.
        """
        wanted = [context for id, context in self._known.items() if self.choice.has(id)]
        wanted.sort(key=lambda context: (host_name(context.name) != context.name, context.name))
        return [self.store.default(), *wanted] if self.choice.has(id_of(DEFAULT)) else wanted

    def _rows(self, contexts: Iterable[Context]) -> tuple[list[Row], list[Missing]]:
        rows: dict[str, Row] = {}
        unnamed: list[Missing] = []
        named_after: dict[str, str] = {}  # by the text of the stage
        for context in contexts:
            stage, host = context.stage(insecure=self.choice.insecure), host_name(context.name)
            reaches, lost = self._look(stage)
            if meeting(reaches, self.choice.avoided):
                self._say(f"the context {context.name!r} is left out: it is what is served here")
            elif stage in named_after:
                self._say(f"the context {context.name!r} is left out: it is the same host as {named_after[stage]!r}")
            elif host in rows:
                unnamed.append(Missing(context.name, f"another context's host is called {host!r} already"))
            else:
                if host != context.name:
                    self._say(f"the host of the context {context.name!r}, which no host can be called, is {host!r}")
                named_after[stage] = context.name
                rows[host] = member_row(host, stage, lost=lost)
        return list(rows.values()), unnamed

    def _look(self, stage: str) -> tuple[frozenset[str], str | None]:
        """Return what a stage connects to, and why it cannot be opened, if it cannot."""
        try:
            return parse_stage(stage, self._registry).reaches, None
        except Denied as error:
            return frozenset(), f"{error.message} (for all contexts: contexts --insecure)"
        except SwarmError as error:
            return frozenset(), error.message

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.info("%s", text)


def host_name(context: str) -> str:
    """Return what the host of a context is called: as the context, where a host can be called so.

    What a host's name cannot have becomes `-`, and a word of the API has `context-` put before it.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", context)
    return name if is_host_name(name) else f"context-{name}"
