"""A Docker Engine in memory, to test on: it behaves as a real one does and is reached the same way.

Public: the engine and its dialer, and what commands of one's own are made of.
"""

from .engine import FakeDialer, FakeEngine
from .files import File, Files
from .image import Image, make_image
from .process import Exit, Process
from .stage import FakeStage, fake

__all__ = ["Exit", "FakeDialer", "FakeEngine", "FakeStage", "File", "Files", "Image", "Process", "fake", "make_image"]
