"""etcd: members that are registered there, and the client for it."""
