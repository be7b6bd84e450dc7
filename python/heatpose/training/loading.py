"""Options from YAML and from the command line, with every key and type checked."""

from __future__ import annotations

import dataclasses
import difflib
import os
import types
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from heatpose.training.options import TrainingOptions


def presets() -> tuple[str, ...]:
    """Names of the presets that heatpose has."""
    folder = files("heatpose.training") / "presets"
    names = (file.name for file in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_options(
    preset: str | os.PathLike[str] | None = None, settings: Mapping[str, Any] | None = None
) -> TrainingOptions:
    """The options of a preset, with some of them changed.

    Args:
        preset: One of ``presets()``, or a YAML file of the same layout: the sections of
            ``TrainingOptions``, each with some of its fields. None for the defaults.
        settings: Values by dotted name, ``{"schedule.epochs": 5}``. Strings are read as YAML does.

    Returns:
        The options. Fields that are not named have their defaults.

    Raises:
        FileNotFoundError: neither a preset nor a file.
        ValueError: not YAML, an unknown key (the message names the nearest), or a value of the
            wrong type.
    """
    values: dict[str, Any] = {}
    if preset is not None:
        where, text = _read(preset)
        values = _parsed(where, text)
    for name, value in (settings or {}).items():
        _set(values, name, _parsed_value(name, value) if isinstance(value, str) else value)
    made = _build(TrainingOptions, values, "")
    assert isinstance(made, TrainingOptions)
    return made


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """``["schedule.epochs=5"]`` as a mapping.

    Raises:
        ValueError: a text without ``=``.
    """
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"expected a setting like schedule.epochs=5, got {text!r}")
        settings[name.strip()] = value
    return settings


def parse_values(texts: Sequence[str]) -> dict[str, Any]:
    """``["padding=1.1"]`` as a mapping of values, read as YAML reads them.

    Raises:
        ValueError: a text without ``=``, or a value that is none.
    """
    return {name: _parsed_value(name, text) for name, text in parse_settings(texts).items()}


def as_mapping(options: Any) -> dict[str, Any]:
    """The options as plain values, which YAML and checkpoints can hold."""
    plain = _plain(options)
    assert isinstance(plain, dict)
    return plain


def as_yaml(options: TrainingOptions) -> str:
    """The options as a file that ``load_options`` reads."""
    return str(yaml.safe_dump(as_mapping(options), sort_keys=False))


def _read(preset: str | os.PathLike[str]) -> tuple[str, str]:
    if str(preset) in presets():
        return str(preset), (files("heatpose.training") / "presets" / f"{preset}.yaml").read_text()
    path = Path(preset)
    if not path.is_file():
        near = difflib.get_close_matches(str(preset), presets(), 1, 0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FileNotFoundError(
            f"preset must be one of {', '.join(presets())}, or a YAML file, got {str(preset)!r}"
            f"{hint}"
        )
    return str(path), path.read_text()


def _parsed(where: str, text: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{where} is not YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(f"{where} must hold sections with settings, got {type(values).__name__}")
    return values


def _parsed_value(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{name}: {text!r} is not a value: {error}") from None


def _set(values: dict[str, Any], name: str, value: Any) -> None:
    *sections, last = name.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{name}: {section} has no settings of its own")
        values = inner
    values[last] = value


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _build(kind: type, values: Any, where: str) -> Any:
    """A dataclass of plain values."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{where or 'options'}: expected settings by name, got {values!r}")
    names = [one.name for one in dataclasses.fields(kind)]
    prefix = f"{where}." if where else ""
    for key in values:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, 1, 0.5)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(names)}"
            raise ValueError(f"{prefix}{key}: no such setting; {hint}")
    found = {key: _convert(_types(kind)[key], value, prefix + key) for key, value in values.items()}
    try:
        return kind(**found)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None


def _convert(kind: Any, value: Any, where: str) -> Any:
    """A plain value as a field's type."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return value if isinstance(value, kind) else _build(kind, value, where)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _convert_union(parts, value, where)
    if origin is Literal:
        if value in parts and not isinstance(value, bool):
            return value
        raise _wrong(where, " or ".join(map(repr, parts)), value)
    if origin is tuple:
        return _convert_tuple(parts, value, where)
    if kind is Any:
        return value
    if origin is not None and issubclass(origin, Mapping):
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return dict(value)
        raise _wrong(where, "values by name", value)
    if kind is float and isinstance(value, str):
        value = _number(value)  # YAML 1.1 takes 5e-4 for text
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    truth = isinstance(value, bool) and kind is not bool  # Python counts True as a number
    if isinstance(kind, type) and isinstance(value, kind) and not truth:
        return value
    raise _wrong(where, _name(kind), value)


def _convert_union(parts: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in parts:
        return None
    wanted = [part for part in parts if part is not type(None)]
    for part in wanted:
        try:
            return _convert(part, value, where)
        except ValueError as error:
            if len(wanted) == 1:
                raise error
    raise _wrong(where, " or ".join(map(_name, parts)), value)


def _convert_tuple(parts: tuple[Any, ...], value: Any, where: str) -> Any:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _wrong(where, "a list", value)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return tuple(_convert(parts[0], one, f"{where}[{i}]") for i, one in enumerate(value))
    if len(parts) != len(value):
        raise _wrong(where, f"a list of {len(parts)}", value)
    pairs = zip(parts, value, strict=True)
    return tuple(_convert(part, one, f"{where}[{i}]") for i, (part, one) in enumerate(pairs))


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _name(kind: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return words.get(kind, "null" if kind is type(None) else str(getattr(kind, "__name__", kind)))


def _wrong(where: str, expected: str, value: Any) -> ValueError:
    return ValueError(f"{where}: expected {expected}, got {value!r}")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
