"""The JSON of requests: the object in a body, and the numbers in it, refused in the service's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from audiochat.local.api_errors import ApiError


def read_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object that a request's body is.

    Raises:
        ApiError: it is not valid JSON, or is something other than an object.
    """
    try:
        found = json.loads(body, parse_constant=_not_json)
        _check_text(found)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping):
        raise ApiError("We could not parse the JSON body of your request.", code="invalid_json")
    return found


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity, which Python's parser takes


def _check_text(value: object) -> None:
    """Refuse half a surrogate pair, as a client sends that cut an emoji in two: no model and no file can take it.

    Raises:
        UnicodeEncodeError: there is one.
    """
    if isinstance(value, str):
        if not value.isascii():
            value.encode()
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _check_text(name)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)


def whole_number(payload: Mapping[str, Any], name: str, *, least: int, most: int) -> int | None:
    """An integer of a request; None where it is not given.

    Raises:
        ApiError: it is something else, or out of bounds.
    """
    given = _number(payload, name, "an integer")
    if given is None:
        return None
    if isinstance(given, float) and not given.is_integer():
        raise ApiError(f"Invalid type for '{name}': expected an integer.", code="invalid_type", param=name)
    _check_bounds(name, given, "integer", least, most)
    return int(given)


def decimal(payload: Mapping[str, Any], name: str, *, least: float, most: float) -> float | None:
    """A number of a request; None where it is not given.

    Raises:
        ApiError: it is something else, or out of bounds.
    """
    given = _number(payload, name, "a decimal")
    if given is not None:
        _check_bounds(name, given, "decimal", least, most)
    return given


def _number(payload: Mapping[str, Any], name: str, expected: str) -> int | float | None:
    given = payload.get(name)
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | float)):
        raise ApiError(f"Invalid type for '{name}': expected {expected}.", code="invalid_type", param=name)
    return given


def _check_bounds(name: str, given: float, kind: str, least: float, most: float) -> None:
    if least <= given <= most:
        return
    side, short, sign, bound = (
        ("below minimum", "below_min", ">=", least) if given < least else ("above maximum", "above_max", "<=", most)
    )
    raise ApiError(
        f"Invalid '{name}': {kind} {side} value. Expected a value {sign} {bound}, but got {str(given)[:40]} instead.",
        code=f"{kind}_{short}_value",
        param=name,
    )
