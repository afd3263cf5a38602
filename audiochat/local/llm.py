"""The language model: llama.cpp in this process (cyllama), or a text server of the user's own."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.errors import BrokenAnswerError, CancelledError, ConfigurationError
from audiochat.local import models, prompts
from audiochat.local.sentences import sentences
from audiochat.transport import service_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from openai import OpenAI

    from audiochat.local.prompts import Message, Said

SENTENCES = 4
"""An answer has no more: it is spoken."""

TOKENS = 160
"""An answer has no more, whatever its sentences."""

_BATCH = 256  # tokens; more than the context was made for abort the process, so prompts go in pieces
_CONTEXT = 2048
_NO_REPEAT = 8
"""So many tokens in a row never come twice: a small model would go round in circles."""

_UNSPEAKABLE = frozenset("*#`|_~<>[]{}\\Ċ")  # markup and (the last one, in GPT-2's alphabet) line breaks
_EMOJI = "ðŁ"  # how GPT-2's alphabet writes the first half of one
_CHECK = (
    "Check AUDIOCHAT_LOCAL_LLM: the base URL of a server that speaks OpenAI's chat completions, often ending in /v1."
)
_NEVER = -1e9
_MIN_P = 0.1


class TooLongError(Exception):
    """A conversation that does not fit into the model's context."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request says about the writing."""

    tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None


@dataclass(slots=True)
class Writing:
    """An answer that is being written; its numbers are final when its sentences have ended."""

    prompt_tokens: int
    sentences: Generator[str, None, None] = field(default_factory=lambda: sentences(iter(()), 0))
    completion_tokens: int = 0
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class _Job:
    """An answer to write, in tokens."""

    tokens: list[int]
    fixed: int
    """How many of them start every prompt of this kind."""
    longest: int
    repeat_penalty: float
    limits: Limits
    writing: Writing
    stop: threading.Event


class LanguageModel(Protocol):
    """Writes answers."""

    @property
    def name(self) -> str:
        """What to call it."""

    def write(self, said: Sequence[Said], limits: Limits, stop: threading.Event) -> Writing:
        """Answer a conversation.

        Args:
            said: The conversation.
            limits: What the request says about the writing.
            stop: Ends the writing when it is set.

        Raises:
            TooLongError: it does not fit.
        """


class Gguf:
    """A GGUF file; without one, the built-in model."""

    def __init__(self, path: Path | None = None) -> None:
        from cyllama.llama import llama_cpp

        self._cpp: Any = llama_cpp
        self._built_in = path is None
        file = path or models.SMOLLM2.folder / models.SMOLLM2.files[0].name
        self.name = file.stem if path else models.SMOLLM2.title
        llama_cpp.disable_logging()
        llama_cpp.ggml_backend_load_all()
        parameters = llama_cpp.LlamaModelParams()
        parameters.n_gpu_layers = 0
        try:
            self._model: Any = llama_cpp.LlamaModel(str(file), parameters)
        except (OSError, ValueError) as exc:
            raise ConfigurationError(
                f"The language model {file} cannot be loaded: {' '.join(str(exc).split())[:200]}",
                hint="Set AUDIOCHAT_LOCAL_LLM to a GGUF file or a server's address, or unset it.",
            ) from exc
        self._vocabulary: Any = self._model.get_vocab()
        self._banned = [(token, _NEVER) for token in self._unspeakable()]
        self._lock = threading.Lock()
        self._past: list[int] = []
        self._warmed = False
        self._context = self._new_context(_CONTEXT)

    def warm(self, *, recording: bool) -> None:
        """Read what the first prompt starts with, while the recording is heard; later prompts find their own way."""
        if not self._built_in:
            return
        with self._lock:
            if not self._warmed:
                self._warmed = True
                tokens = self._tokens(prompts.fixed_part(recording=recording).messages)
                self._read(tokens, len(tokens), threading.Event())

    def write(self, said: Sequence[Said], limits: Limits, stop: threading.Event) -> Writing:
        """Answer a conversation; see `LanguageModel`."""
        prompt = prompts.by_example(said) if self._built_in else prompts.by_instruction(said)
        start = self._tokens(prompt.messages[: prompt.fixed]) if prompt.fixed else []
        tokens = self._tokens(prompt.messages, answer=True)
        longest = min(limits.tokens or TOKENS, TOKENS)
        room = self._model.n_ctx_train
        if len(tokens) + longest > room:
            raise TooLongError(
                f"This model's maximum context length is {room} tokens. However, your messages resulted in "
                f"{len(tokens)} tokens. Please reduce the length of the messages."
            )
        writing = Writing(prompt_tokens=len(tokens))
        job = _Job(tokens, len(start), longest, prompt.repeat_penalty, limits, writing, stop)
        writing.sentences = sentences(self._pieces(job), SENTENCES)
        return writing

    def _tokens(self, messages: Sequence[Message], *, answer: bool = False) -> list[int]:
        """The conversation in tokens; `answer` opens the assistant's turn at the end."""
        if not self._built_in:
            template = self._model.get_default_chat_template()
            chat = [self._cpp.LlamaChatMessage(role=one.role, content=one.content) for one in messages]
            text = self._model.chat_apply_template(template, chat, answer)
            return self._tokenize(text, control=True, start=self._vocabulary.get_add_bos())
        tokens: list[int] = []
        for one in messages:  # contents are not searched for control tokens: nobody writes a turn for another
            tokens += self._tokenize(f"<|im_start|>{one.role}\n", control=True)
            tokens += self._tokenize(one.content, control=False)
            tokens += self._tokenize("<|im_end|>\n", control=True)
        return tokens + (self._tokenize("<|im_start|>assistant\n", control=True) if answer else [])

    def _tokenize(self, text: str, *, control: bool, start: bool = False) -> list[int]:
        return list(self._vocabulary.tokenize(text, start, control))

    def _pieces(self, job: _Job) -> Iterator[str]:
        """The answer in pieces of text, as they are written; closing this ends the writing."""
        with self._lock:
            self._make_room(len(job.tokens) + job.longest)
            self._read(job.tokens, job.fixed, job.stop)
            written: list[int] = []
            given = ""
            sampler = self._sampler(job)
            while len(written) < job.longest and not job.stop.is_set():
                token = self._next(sampler, written, job)
                if self._vocabulary.is_eog(token):
                    return
                written.append(token)
                job.writing.completion_tokens = len(written)
                text = self._vocabulary.detokenize(written)  # all of it: a character can be two tokens
                if not text.endswith("\ufffd"):
                    yield text[len(given) :]
                    given = text
                self._feed([token])
            if job.limits.tokens is not None:
                job.writing.finish_reason = "length"

    def _make_room(self, tokens: int) -> None:
        if tokens > self._context.n_ctx:
            self._context = self._new_context(min(2 * tokens, self._model.n_ctx_train))

    def _new_context(self, tokens: int) -> Any:
        parameters = self._cpp.LlamaContextParams()
        parameters.n_ctx = min(tokens, self._model.n_ctx_train)
        parameters.n_batch = _BATCH
        parameters.n_threads = parameters.n_threads_batch = _threads()
        parameters.no_perf = True
        self._past = []
        return self._cpp.LlamaContext(self._model, parameters)

    def _read(self, tokens: list[int], fixed: int, stop: threading.Event) -> None:
        """Have exactly `tokens` in the context; the first `fixed` of them may be there from last time.

        Those are always read by themselves: in other pieces the arithmetic rounds differently, and
        the answer would depend on what was asked before.
        """
        kept = fixed if self._past[:fixed] == tokens[:fixed] else 0
        self._context.memory_seq_rm(-1, kept, -1)
        del self._past[kept:]
        for part_start, part_end in ((kept, fixed), (fixed, len(tokens))):
            for start in range(part_start, part_end, _BATCH):
                if stop.is_set():
                    raise CancelledError("The request was cancelled.")
                self._feed(tokens[start : min(start + _BATCH, part_end)])

    def _feed(self, tokens: list[int]) -> None:
        try:
            self._context.decode(self._cpp.llama_batch_get_one(tokens, len(self._past)))
        except BaseException:  # Ctrl-C among them: what the context holds now is not known
            self._context.kv_cache_clear()
            self._past = []
            raise
        self._past += tokens

    def _next(self, sampler: Any, written: list[int], job: _Job) -> int:
        """Choose the next token, such that the answer does not go round in circles."""
        repetitions = _repetitions(written)
        if not repetitions:
            return int(sampler.sample(self._context, -1))
        careful = self._sampler(job, position=len(written), banned=repetitions)
        for token in written:
            careful.accept(token)
        token = int(careful.sample(self._context, -1))
        sampler.accept(token)
        return token

    def _sampler(self, job: _Job, *, position: int = 0, banned: Sequence[tuple[int, float]] = ()) -> Any:
        """Takes the likeliest token, unless a temperature is asked for."""
        parameters = self._cpp.LlamaSamplerChainParams()
        parameters.no_perf = True
        sampler = self._cpp.LlamaSampler(parameters)
        sampler.add_logit_bias(self._vocabulary.n_vocab, [*self._banned, *banned])
        if job.repeat_penalty != 1.0:
            self._penalise(sampler, job.repeat_penalty)
        if job.limits.temperature:
            sampler.add_min_p(_MIN_P, 1)
            sampler.add_temp(job.limits.temperature)
            sampler.add_dist((job.limits.seed or 0) + position)
        else:
            sampler.add_greedy()
        return sampler

    def _penalise(self, sampler: Any, repeat_penalty: float) -> None:
        """Make repetition of the last 64 tokens less likely."""
        try:
            sampler.add_penalties(self._vocabulary.n_vocab, 64, repeat_penalty, 0.0, 0.0)
        except TypeError:  # cyllama before 0.7, the newest for Python 3.10 and 3.11, does without the first one
            sampler.add_penalties(64, repeat_penalty, 0.0, 0.0)

    def _unspeakable(self) -> Iterator[int]:
        for token in range(self._vocabulary.n_vocab):
            text = self._vocabulary.get_text(token)
            if (_UNSPEAKABLE.intersection(text) or _EMOJI in text) and not self._vocabulary.is_eog(token):
                yield token


def _threads() -> int:
    import os

    return max(1, min(8, os.cpu_count() or 1))


def _repetitions(written: Sequence[int]) -> list[tuple[int, float]]:
    """The tokens that would make the last few tokens a repetition."""
    tail = list(written[1 - _NO_REPEAT :])
    return [
        (written[start + len(tail)], _NEVER)
        for start in range(len(written) - len(tail))
        if list(written[start : start + len(tail)]) == tail and len(tail) == _NO_REPEAT - 1
    ]


class TextServer:
    """Any server that speaks OpenAI's chat completions in text: Ollama, llama-server and their like."""

    def __init__(self, sdk: OpenAI, model: str | None) -> None:
        self._sdk = sdk
        self.name = model or self._first_model()

    def warm(self, *, recording: bool) -> None:
        """There is nothing to do here: the server looks after itself."""

    def write(self, said: Sequence[Said], limits: Limits, stop: threading.Event) -> Writing:  # noqa: ARG002
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

        writing: Writing = self._asked(asked)
        return writing

    def _first_model(self) -> str:
        first = self._asked(lambda: next(iter(self._sdk.models.list()), None))
        if first is None:
            raise ConfigurationError(
                "The server at AUDIOCHAT_LOCAL_LLM offers no model.", hint="Set AUDIOCHAT_LOCAL_LLM_MODEL."
            )
        return str(first.id)

    def _asked(self, question: Callable[[], Any]) -> Any:
        import openai

        try:
            return question()
        except openai.OpenAIError as exc:
            raise service_errors.translate(exc, hints={"not_found": _CHECK, "not_reachable": _CHECK}) from exc
        except (
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as exc:  # the SDK takes anything for an answer, at first
            raise BrokenAnswerError(
                "The text server answers something that is no chat completion.", hint=_CHECK
            ) from exc


def _unmarked(text: str) -> str:
    """What would be read aloud badly: thoughts and the commonest markup."""
    text = re.sub(r"<think>.*?</think>", "", text, flags=re.DOTALL)
    return re.sub(r"[*#`|_~]", "", text)
