"""A file of hosts as a source of members."""

from .stage import HostsStage, hosts

__all__ = ["HostsStage", "hosts"]
