#!/usr/bin/env python3
"""Fuzz the wire machine, guided by coverage; `scripts/fuzz` installs what this needs and calls it."""

import sys

import atheris

with atheris.instrument_imports(include=["swarmkit.wire"]):
    from tests.wire.fuzzing import fuzz

if __name__ == "__main__":
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()
