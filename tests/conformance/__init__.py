"""The conformance kit, run on every backend and layer, and on services that break its rules."""
