"""Tests on real Docker engines, each in namespaces of its own, with the real `docker` command."""
