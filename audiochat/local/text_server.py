"""A language model elsewhere: any server that speaks OpenAI's chat completions in text."""

from __future__ import annotations

import re
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

from audiochat.background import run_in_thread
from audiochat.errors import BrokenAnswerError, ConfigurationError
from audiochat.local import prompts
from audiochat.local.llm import SENTENCES, TOKENS, Limits, Writing
from audiochat.local.sentences import sentences
from audiochat.transport import service_errors
from audiochat.transport.model_list import model_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from openai import OpenAI

    from audiochat.local.prompts import Said
    from audiochat.local.stopping import StopSignal

_CHECK = (
    "Check AUDIOCHAT_LOCAL_LLM: the base URL of a server that speaks OpenAI's chat completions, often ending in /v1."
)
_POLL = 0.05
"""Seconds between two looks at whether the answer is still wanted."""


class TextServer:
    """Any server that speaks OpenAI's chat completions in text: Ollama, llama-server and their like."""

    def __init__(self, sdk: OpenAI, model: str | None) -> None:
        self._sdk = sdk
        self.name = model or self._first_model()

    def warm(self, *, recording: bool) -> None:
        """There is nothing to do here: the server looks after itself."""

    def write(self, said: Sequence[Said], limits: Limits, stop: StopSignal) -> Writing:
        """Answer a conversation; see `LanguageModel`."""
        messages: Any = [{"role": one.role, "content": one.content} for one in prompts.by_instruction(said).messages]
        extra: dict[str, Any] = {"temperature": limits.temperature, "seed": limits.seed}

        def asked() -> Writing:
            answer = self._sdk.chat.completions.create(
                model=self.name,
                messages=messages,
                max_tokens=limits.tokens or TOKENS,
                **{name: value for name, value in extra.items() if value is not None},
            )
            choice = answer.choices[0]
            writing = Writing(prompt_tokens=(answer.usage.prompt_tokens if answer.usage else 0) or 0)
            writing.completion_tokens = (answer.usage.completion_tokens if answer.usage else 0) or 0
            if limits.tokens is not None:
                writing.finish_reason = choice.finish_reason or "stop"
            text = " ".join(_unmarked(choice.message.content or "").split())
            writing.sentences = sentences(iter([text]), SENTENCES)
            return writing

        # In a thread that is left alone when the answer is no longer wanted: a request cannot be taken back.
        writing = run_in_thread(lambda: self._asked(asked), name="asking")
        while not wait([writing], timeout=_POLL).done:
            stop.check()
        found: Writing = writing.result()
        return found

    def _first_model(self) -> str:
        listed = self._asked(lambda: model_names(self._sdk))
        if listed is None:
            raise BrokenAnswerError("The text server shows no list of models.", hint=_CHECK)
        if not listed:
            raise ConfigurationError(
                "The server at AUDIOCHAT_LOCAL_LLM offers no model.", hint="Set AUDIOCHAT_LOCAL_LLM_MODEL."
            )
        return str(listed[0])

    def _asked(self, question: Callable[[], Any]) -> Any:
        import openai

        try:
            return question()
        except openai.OpenAIError as exc:
            raise service_errors.translate(exc, hints={"not_found": _CHECK, "not_reachable": _CHECK}) from exc
        except (AttributeError, LookupError, TypeError, ValueError) as exc:  # the SDK takes anything for an answer
            message = "The text server answers something that is no chat completion."
            raise BrokenAnswerError(message, hint=_CHECK) from exc


def _unmarked(text: str) -> str:
    """What would be read aloud badly: thoughts and the commonest markup."""
    text = re.sub(r"<think>.*?</think>", "", text, flags=re.DOTALL)
    return re.sub(r"[*#`|_~]", "", text)
