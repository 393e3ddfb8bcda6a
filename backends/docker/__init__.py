"""One Docker Engine as a service, through a dialer.

Public to sibling backends: the stage, the dialer contract, and the engine client.
"""

from .client import EngineClient
from .dialer import Dialer, TcpDialer, UnixDialer, dialer_for
from .request import EngineRequest
from .stage import EngineStage, docker

__all__ = ["Dialer", "EngineClient", "EngineRequest", "EngineStage", "TcpDialer", "UnixDialer", "dialer_for", "docker"]
