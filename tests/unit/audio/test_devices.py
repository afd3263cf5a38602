"""The loudspeaker's thread."""

from __future__ import annotations

import threading
from unittest.mock import Mock

import pytest

from audiochat.audio.devices import JITTER, PortAudioLoudspeaker


class InterruptedThread(threading.Thread):
    """Ctrl-C comes while it is started; it begins a little later."""

    def start(self) -> None:
        """Begin, and be interrupted."""
        threading.Timer(0.1, super().start).start()
        raise KeyboardInterrupt


def test_it_can_be_stopped_where_it_was_interrupted_while_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its thread is over, so that nothing is played on a closed device."""
    card = Mock()
    loudspeaker = PortAudioLoudspeaker(card)
    monkeypatch.setattr(threading, "Thread", InterruptedThread)
    with pytest.raises(KeyboardInterrupt):
        loudspeaker.play(bytes(JITTER))
    loudspeaker.stop()
    assert [name for name, *_ in card.mock_calls] == ["abort", "start", "close"]
