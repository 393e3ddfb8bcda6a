"""The state of one connection: its calls, refs, channels and streams, and what comes and is to be sent. No I/O."""
