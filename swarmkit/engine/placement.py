"""On which host a new container goes: candidates, what rules one out, and in which order the others are tried.

A policy is any function of this shape; the three here are classic Swarm's. Rules go first and rule out; a policy only
orders what they leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from swarmkit.errors import Unavailable
from swarmkit.placement import Candidate, Policy, Spec

_NANO = 1_000_000_000
_DEFAULT_CPU_PERIOD = 100_000  # microseconds, the kernel's


Rule = Callable[[Spec, Candidate], str | None]
"""Say why a candidate may not take the container; None if it may."""


def healthy(spec: Spec, candidate: Candidate) -> str | None:
    """Rule out a host that does not answer."""
    return None if candidate.healthy else candidate.reason or "is not healthy"


RULES: tuple[Rule, ...] = (healthy,)


def eligible(spec: Spec, candidates: Sequence[Candidate], *, rules: Sequence[Rule] = RULES) -> list[Candidate]:
    """Return the candidates that no rule forbids. Raises Unavailable that names each host and why not."""
    refusals = {each.name: _refusal(spec, each, rules) for each in candidates}
    left = [each for each in candidates if refusals[each.name] is None]
    if left:
        return left
    if not candidates:
        raise Unavailable("no host can take the container: there are no hosts")
    reasons = "; ".join(f"{name}: {reason}" for name, reason in refusals.items())
    raise Unavailable(f"no host can take the container: {reasons}", refusals=refusals)


def spread(spec: Spec, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Prefer the host least in use."""
    return sorted(
        eligible(spec, candidates), key=lambda each: (not fits(spec, each), use(spec, each), each.load, each.name)
    )


def binpack(spec: Spec, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Prefer the host most in use that still has room, so that others stay free."""
    return sorted(
        eligible(spec, candidates), key=lambda each: (not fits(spec, each), -use(spec, each), -each.load, each.name)
    )


def random_policy(random: Random | None = None) -> Policy:
    """Make the policy that prefers no host; `random` makes it repeatable."""
    chance = random or Random()

    def shuffled(spec: Spec, candidates: Sequence[Candidate]) -> list[Candidate]:
        left = eligible(spec, candidates)
        chance.shuffle(left)
        return sorted(left, key=lambda each: not fits(spec, each))

    return shuffled


POLICIES: Mapping[str, Policy] = {"spread": spread, "binpack": binpack, "random": random_policy()}


def asked_cpus(spec: Spec) -> float:
    """Return the CPUs a container may use at most, 0 without a limit."""
    host_config = spec.get("HostConfig") or {}
    nano = host_config.get("NanoCpus") or 0
    if nano:
        return float(nano) / _NANO
    quota = host_config.get("CpuQuota") or 0
    return max(0.0, quota / (host_config.get("CpuPeriod") or _DEFAULT_CPU_PERIOD))


def asked_memory(spec: Spec) -> int:
    """Return the bytes of memory a container may use at most, 0 without a limit."""
    return int((spec.get("HostConfig") or {}).get("Memory") or 0)


def fits(spec: Spec, candidate: Candidate) -> bool:
    """Tell whether what is asked for is still free there.

    It is a preference, not a rule: to an engine these are limits, and it takes more of them than it has. One big host
    must not refuse what a small one accepts.
    """
    return all(asked == 0 or share <= 1 for asked, share in _shares(spec, candidate))


def use(spec: Spec, candidate: Candidate) -> float:
    """Return how much of a host would be reserved: the sum of the shares of what is asked for, 0 if nothing is."""
    return sum(share for asked, share in _shares(spec, candidate) if asked)


def _shares(spec: Spec, candidate: Candidate) -> tuple[tuple[float, float], ...]:
    cpus, memory = asked_cpus(spec), asked_memory(spec)
    return (
        (cpus, _share(candidate.reserved_cpus + cpus, candidate.cpus)),
        (memory, _share(candidate.reserved_memory + memory, candidate.memory)),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _refusal(spec: Spec, candidate: Candidate, rules: Sequence[Rule]) -> str | None:
    return next((reason for rule in rules if (reason := rule(spec, candidate)) is not None), None)
