"""etcd as a source of members."""

from .stage import EtcdStage, etcd

__all__ = ["EtcdStage", "etcd"]
