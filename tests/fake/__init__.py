"""Tests of the in-memory engine, alone and beside a real one."""
