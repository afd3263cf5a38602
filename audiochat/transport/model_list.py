"""The models that a service lists, which costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openai import OpenAI


def model_names(sdk: OpenAI, address: str = "/models", *, timeout: float | None = None) -> list[str] | None:
    """The names of the models that a service lists.

    Args:
        sdk: The client; it sends its credential along.
        address: Of the list: a path below the client's own address, or a whole address.
        timeout: Seconds; None for the client's own.

    Returns:
        The names in the service's order; None where it answers something that is no list of models, as servers do
        that show a web page for every path.

    Raises:
        openai.OpenAIError: the service refuses, or cannot be reached.
    """
    options: Any = {} if timeout is None else {"timeout": timeout}
    try:
        answer: Any = sdk.get(address, cast_to=object, options=options)
    except ValueError:  # called JSON, and is none
        return None
    listed = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        return None
    return [one["id"] for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)]
