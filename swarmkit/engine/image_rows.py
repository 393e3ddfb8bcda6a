"""What the row of an image in `GET /images/json` tells."""

from __future__ import annotations

from .documents import Document


def counts_users(document: Document) -> bool:
    """Tell whether it counts the containers that use the image, as engines do from API 1.51 on; -1 is *not counted*."""
    users = document.get("Containers")
    return isinstance(users, int) and users >= 0
