"""Protobuf messages from a few lines of Python: only the fields that are read, no generated code.

Fields that a message does not name are skipped, as protobuf does with those of newer versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

_Proto = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "bytes": _Proto.TYPE_BYTES,
    "double": _Proto.TYPE_DOUBLE,
    "float": _Proto.TYPE_FLOAT,
    "int32": _Proto.TYPE_INT32,
    "int64": _Proto.TYPE_INT64,
}


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: Its number on the wire.
        type: ``bytes``, ``double``, ``float``, ``int32`` (enums too), ``int64``, or the name of
            another message.
        repeated: Whether there may be many; numbers are then read packed and unpacked.
    """

    number: int
    type: str
    repeated: bool = False


def message_type(package: str, messages: Mapping[str, Mapping[str, Field]], name: str) -> Any:
    """Make the class of a message.

    Args:
        package: A name for these messages.
        messages: Fields by name, of every message by name.
        name: The message that is wanted.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package)
    for title, fields in messages.items():
        proto = file.message_type.add(name=title)
        for key, field in fields.items():
            proto.field.add(
                name=key,
                number=field.number,
                label=_Proto.LABEL_REPEATED if field.repeated else _Proto.LABEL_OPTIONAL,
                type=_TYPES.get(field.type, _Proto.TYPE_MESSAGE),
                type_name=None if field.type in _TYPES else f".{package}.{field.type}",
            )
    # A pool of its own: the names of the messages are free to be those of other programs.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))


def parse(kind: Any, data: bytes) -> Any:
    """Read a message.

    Raises:
        ValueError: the bytes are no such message.
    """
    try:
        return kind.FromString(data)
    except message.DecodeError as error:
        raise ValueError(f"it is cut off or damaged ({error})") from error


def text(data: bytes) -> str:
    """A name in a message; bytes that are no UTF-8 are shown as escapes."""
    return data.decode("utf-8", "backslashreplace")
