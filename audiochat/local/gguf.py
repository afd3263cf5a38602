"""A language model in this process: llama.cpp, through cyllama."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat import storage
from audiochat.errors import ConfigurationError
from audiochat.local import models, prompts
from audiochat.local.llm import SENTENCES, TOKENS, Limits, TooLongError, Writing
from audiochat.local.processors import usable_processors
from audiochat.local.read_prompts import ReadPrompts
from audiochat.local.sentences import sentences
from audiochat.local.stopping import StopSignal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from audiochat.local.prompts import Message, Said

_BATCH = 256  # tokens; more than the context was made for abort the process, so prompts go in pieces
_CONTEXT = 2048
_NO_REPEAT = 8
"""So many tokens in a row never come twice: a small model would go round in circles."""

_UNSPEAKABLE = frozenset("*#`|_~<>[]{}\\Ċ")  # markup and (the last one, in GPT-2's alphabet) line breaks
_EMOJI = "ðŁ"  # how GPT-2's alphabet writes the first half of one
_NEVER = -1e9
_MIN_P = 0.1


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
    stop: StopSignal


class Gguf:
    """A GGUF file; without one, the built-in model."""

    def __init__(self, path: Path | None = None) -> None:
        import cyllama
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
        self._starts: dict[tuple[int, ...], bytes] = {}
        """What the context holds after each fixed start that was read: some megabytes, back in a millisecond."""
        self._kept = ReadPrompts(
            storage.cache_folder() / "prompts", made_by=f"{models.SMOLLM2.key} cyllama {cyllama.__version__}"
        )
        self._context = self._new_context(_CONTEXT)

    def warm(self, *, recording: bool) -> None:
        """Read what every prompt of a kind starts with, while there is nothing else to do; once for each kind."""
        if self._built_in:
            with self._lock:
                self._read_start(self._tokens(prompts.fixed_part(recording=recording).messages), StopSignal())

    def write(self, said: Sequence[Said], limits: Limits, stop: StopSignal) -> Writing:
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
            while len(written) < job.longest:
                token = self._next(sampler, written, job)
                if self._vocabulary.is_eog(token):
                    return
                written.append(token)
                job.writing.completion_tokens = len(written)
                text = self._vocabulary.detokenize(written)  # all of it: a character can be two tokens
                if not text.endswith("\ufffd"):
                    yield text[len(given) :]
                    given = text
                self._feed([token], job.stop)
            if job.limits.tokens is not None:
                job.writing.finish_reason = "length"

    def _make_room(self, tokens: int) -> None:
        if tokens > self._context.n_ctx:
            self._context = self._new_context(min(2 * tokens, self._model.n_ctx_train))

    def _new_context(self, tokens: int) -> Any:
        parameters = self._cpp.LlamaContextParams()
        parameters.n_ctx = min(tokens, self._model.n_ctx_train)
        parameters.n_batch = _BATCH
        # A prompt is read by all processors. An answer is written by one: each of its tokens has hundreds of steps, and
        # threads that wait for each other at every step stand still where another program has one of the processors.
        parameters.n_threads_batch = usable_processors()
        parameters.n_threads = 1 if self._built_in else parameters.n_threads_batch
        parameters.no_perf = True
        self._past = []
        context = self._cpp.LlamaContext(self._model, parameters)
        context.install_cancel_callback()
        return context

    def _read(self, tokens: list[int], fixed: int, stop: StopSignal) -> None:
        """Have exactly `tokens` in the context.

        The first `fixed` of them are always read by themselves, and may be there from last time: in other pieces the
        arithmetic rounds differently, and the answer would depend on what was asked before.
        """
        self._read_start(tokens[:fixed], stop)
        for start in range(fixed, len(tokens), _BATCH):
            self._feed(tokens[start : start + _BATCH], stop)

    def _read_start(self, tokens: list[int], stop: StopSignal) -> None:
        """Have exactly `tokens`, the fixed start of a kind of prompt, in the context."""
        if self._past[: len(tokens)] == tokens:
            self._forget(len(tokens))
            return
        self._forget(0)
        if self._take_up(tokens):
            return
        for start in range(0, len(tokens), _BATCH):
            self._feed(tokens[start : start + _BATCH], stop)
        if self._built_in:
            state = self._starts[tuple(tokens)] = self._context.get_state_seq_data(0)
            self._kept.keep(tokens, state)

    def _take_up(self, tokens: list[int]) -> bool:
        """Put what was once read of a fixed start into the empty context; whether there is any."""
        state = self._starts.get(tuple(tokens))
        if state is None and self._built_in:
            state = self._kept.recall(tokens)
        if not state:
            return False
        self._starts[tuple(tokens)] = state
        self._context.set_state_seq_data(state, 0)
        self._past = list(tokens)
        return True

    def _forget(self, kept: int) -> None:
        """Take everything but the first `kept` tokens out of the context."""
        self._context.memory_seq_rm(-1, kept, -1)
        del self._past[kept:]

    def _feed(self, tokens: list[int], stop: StopSignal) -> None:
        stop.check()
        try:
            with stop.interrupting(self._interrupt):
                self._context.decode(self._cpp.llama_batch_get_one(tokens, len(self._past)))
        except BaseException as exc:  # what the context holds now is not known
            self._context.kv_cache_clear()
            self._past = []
            if isinstance(exc, InterruptedError):
                stop.check()
            raise
        finally:
            self._context.cancel = False
        self._past += tokens

    def _interrupt(self) -> None:
        """Make the decoding that is under way, or the next, give up."""
        self._context.cancel = True

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


def _repetitions(written: Sequence[int]) -> list[tuple[int, float]]:
    """The tokens that would make the last few tokens a repetition."""
    tail = list(written[1 - _NO_REPEAT :])
    return [
        (written[start + len(tail)], _NEVER)
        for start in range(len(written) - len(tail))
        if list(written[start : start + len(tail)]) == tail and len(tail) == _NO_REPEAT - 1
    ]
