"""The tests; folders mirror the source, and `real` holds those that need Docker engines."""
