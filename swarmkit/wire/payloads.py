"""Payloads of frames: messages, errors and numbers as plain values, and back (section 4). Bytes are `codec`'s."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ..errors import Code, Internal, Invalid, SwarmError, error_of
from ..message import Verb
from .codec import decode, encode
from .frames import NULL, Type
from .limits import LEAST_FRAME, MOST, Limits
from .messages import NO_ENDS, Ends, Ret, WireMessage
from .violations import Violation

_REQUESTS: dict[str, Verb] = {verb.value: verb for verb in Verb if verb not in (Verb.ACK, Verb.ERROR)}
_REPLIES: dict[str, Verb] = {Verb.ACK.value: Verb.ACK}
_ITEMS = _REQUESTS | _REPLIES
_CODES = {code.value for code in Code}
_RETS = {ret.value: ret for ret in Ret}
MAX_TEXT = 4096
"""Characters of an error's text that are sent."""

SHORT_TEXT = 100
"""Characters of it that are sent where the whole does not fit."""


def encode_message(message: WireMessage, ends: Ends, limits: Limits) -> bytes:
    """Make the payload of a REPLY or an ITEM; raise `Invalid` for a message that `limits` do not take."""
    return encode(_message_value(message, ends), limits)


def encode_call(ref: int, message: WireMessage, ends: Ends, limits: Limits) -> bytes:
    """Make the payload of a CALL; raise `Invalid` for a message that `limits` do not take."""
    return encode([ref, _message_value(message, ends)], limits)


def _message_value(message: WireMessage, ends: Ends) -> list[Any]:
    ret = None if message.ret is None else [message.ret.value, ends.ret]
    args = message.args if isinstance(message.args, dict) else dict(message.args)
    return [message.verb.value, message.path, args, ret, ends.att]


def decode_call(payload: bytes, limits: Limits) -> tuple[int, WireMessage, Ends]:
    """Read the payload of a CALL: the ref, the message, and what it carries."""
    match decode(payload, limits):
        case [ref, list() as message] if type(ref) is int:
            return ref, *_message(message, _REQUESTS)
    raise Violation("a CALL that is not [ref, message]")


def decode_reply(payload: bytes, limits: Limits) -> tuple[WireMessage, Ends]:
    """Read the payload of a REPLY."""
    return _message(decode(payload, limits), _REPLIES)


def decode_item(payload: bytes, limits: Limits) -> tuple[WireMessage, Ends]:
    """Read the payload of an ITEM, whose verb may be any but `error`."""
    return _message(decode(payload, limits), _ITEMS)


def _message(value: Any, verbs: dict[str, Verb]) -> tuple[WireMessage, Ends]:
    match value:
        case [str() as word, list() as path, dict() as args, ret, att]:
            verb = verbs.get(word)
            if verb is None:
                raise Violation(f"the verb {word[:40]!r} does not belong here")
            if not all(isinstance(name, str) for name in path):
                raise Violation("a path with a name that is no text")
            if ret is None and att is None:
                return WireMessage(verb, tuple(path), args), NO_ENDS
            kind, number = _ret(ret)
            return WireMessage(verb, tuple(path), args, kind, att is not None), Ends(number, _att(att))
    raise Violation("a message that is not [verb, path, args, ret, att]")


def _ret(ret: Any) -> tuple[Ret | None, int | None]:
    match ret:
        case None:
            return None, None
        case [str() as kind, number] if kind in _RETS and type(number) is int:
            return _RETS[kind], number
    raise Violation('a ret that is not null, ["service", ref] or ["channel", channel]')


def _att(att: Any) -> int | None:
    if att is not None and type(att) is not int:
        raise Violation("an att that is not null or a stream")
    return att


def encode_error(error: SwarmError, limits: Limits, most: int) -> bytes:
    """Make the payload of an error, of `most` bytes; details that cannot be sent are left out, a long text is cut."""
    limits = evolve(limits, message=most, frame=LEAST_FRAME)
    text = error.message.encode("utf-8", "replace").decode()
    try:
        return encode([error.code.value, text[:MAX_TEXT], error.details], limits)
    except Invalid:
        kept = {name: value for name, value in error.details.items() if isinstance(value, (bool, int))}
        return _encode_short_error(error.code, text, kept, limits)


def _encode_short_error(code: Code, text: str, details: dict[str, Any], limits: Limits) -> bytes:
    """Make one that the least limits take: numbers are kept (an engine's status) if these can be sent."""
    try:
        return encode([code.value, text[:SHORT_TEXT], details], limits)
    except Invalid:
        return encode([code.value, text[:SHORT_TEXT], {}], limits)


def decode_error(payload: bytes, limits: Limits) -> SwarmError:
    """Read the payload of an ERROR or a RESET."""
    match decode(payload, limits):
        case [str() as code, str() as text, dict() as details]:
            return _error(code, text, details)
    raise Violation("an error that is not [code, text, details]")


def decode_end(payload: bytes, limits: Limits) -> SwarmError | None:
    """Read the payload of an END."""
    return None if payload == NULL else decode_error(payload, limits)


def encode_goaway(error: SwarmError, limits: Limits) -> bytes:
    """Make the payload of a GOAWAY."""
    return encode([error.code.value, error.message.encode("utf-8", "replace").decode()[:SHORT_TEXT]], limits)


def decode_goaway(payload: bytes, limits: Limits) -> SwarmError:
    """Read the payload of a GOAWAY."""
    match decode(payload, limits):
        case [str() as code, str() as text]:
            return _error(code, text, {})
    raise Violation("a GOAWAY that is not [code, text]")


def _error(code: str, text: str, details: dict[str, Any]) -> SwarmError:
    error = error_of(code, text) if code in _CODES else Internal(text)
    error.details = details  # not as keywords: their names are the other peer's
    return error


def encode_amounts(kind: Type, amounts: tuple[int, ...]) -> bytes:
    """Make the payload of a CREDIT or a GRANT from its amounts; of a frame that has none, null."""
    if not amounts:
        return NULL
    return encode(amounts[0] if kind is Type.CREDIT else amounts, Limits())


def decode_credit(payload: bytes, limits: Limits) -> int:
    """Read the payload of a CREDIT: 1 or more."""
    size = decode(payload, limits)
    if not size or not _is_amount(size):
        raise Violation("a CREDIT that is not a number of bytes")
    amount: int = size
    return amount


def decode_grant(payload: bytes, limits: Limits) -> tuple[int, int]:
    """Read the payload of a GRANT: messages and bytes, each 0 or more."""
    match decode(payload, limits):
        case [messages, size] if _is_amount(messages) and _is_amount(size):
            return messages, size
    raise Violation("a GRANT that is not [messages, bytes]")


def _is_amount(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST
