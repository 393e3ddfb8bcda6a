"""Pure functions over Docker Engine API documents: no I/O, no clock, no trio.

The front, the mirror, placement and the in-memory engine share them. A *document* is the dict parsed from an engine's
JSON, fields we do not know included. Import the modules; nothing is re-exported here, so that each costs only itself.
"""
