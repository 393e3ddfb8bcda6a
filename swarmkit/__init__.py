"""Compose network services: one async function per service, chained like a Unix pipeline, multiplexed like one host.

What is needed to open pipelines, to use what they make, and to write stages of one's own. Backends are reached by
name (`open_pipeline("docker")`) and loaded when they are first used; `swarmkit.testing` states what they must do.
"""

from .channel import EndOfChannel, Receiver, Sender, open_channel
from .errors import (
    Code,
    Conflict,
    Denied,
    Internal,
    Invalid,
    NotFound,
    SwarmError,
    Timeout,
    Unavailable,
    Unimplemented,
)
from .frames import FrameDecoder, Record, encode_frame
from .host import Answer, Container, Document, Host
from .instance import open_instance
from .layer import LayerFunction, layer
from .message import Message, Path, Verb, ack
from .part import Part, Role, Stage, part
from .pipeline import Pipeline, open_pipeline, parse_pipeline
from .pipeline_file import parse_pipeline_file
from .records import Records
from .registry import Registry, open_registry
from .rows import Listing, Missing, Row
from .service import Service, VerbService, close_ends
from .streams import BytesStream, open_pipe, read_whole

__all__ = [
    "Answer",
    "BytesStream",
    "Code",
    "Conflict",
    "Container",
    "Denied",
    "Document",
    "EndOfChannel",
    "FrameDecoder",
    "Host",
    "Internal",
    "Invalid",
    "LayerFunction",
    "Listing",
    "Message",
    "Missing",
    "NotFound",
    "Part",
    "Path",
    "Pipeline",
    "Receiver",
    "Record",
    "Records",
    "Registry",
    "Role",
    "Row",
    "Sender",
    "Service",
    "Stage",
    "SwarmError",
    "Timeout",
    "Unavailable",
    "Unimplemented",
    "Verb",
    "VerbService",
    "ack",
    "close_ends",
    "encode_frame",
    "layer",
    "open_channel",
    "open_instance",
    "open_pipe",
    "open_pipeline",
    "open_registry",
    "parse_pipeline",
    "parse_pipeline_file",
    "part",
    "read_whole",
]
