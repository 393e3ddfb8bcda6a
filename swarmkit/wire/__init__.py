"""The wire protocol: messages, channels and byte streams over any reliable byte stream (docs/protocol.md)."""
