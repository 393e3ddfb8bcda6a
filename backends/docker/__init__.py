"""One Docker Engine as a service, through a transport.

Public to sibling backends: the stage, the transport to an address, and the engine client.
"""

from .client import EngineClient
from .dialer import name_of_address, transport_for
from .request import EngineRequest
from .stage import EngineStage, docker

__all__ = ["EngineClient", "EngineRequest", "EngineStage", "docker", "name_of_address", "transport_for"]
