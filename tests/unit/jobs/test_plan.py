"""What a job will take: tokens, and the price where the user has said what things cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.works import piece

from audiochat import config
from audiochat.errors import ConfigurationError
from audiochat.jobs.piece import Tokens
from audiochat.jobs.plan import Plan, Prices, prices_for

TABLE = """{
  "gpt-audio": {"input": 2.5, "input_audio": 32, "output": 10, "output_audio": 64}, "whisper-1": {"minute": 0.006}
}"""


def test_a_price_needs_a_table() -> None:
    """None is built in; a model that the table does not have has none."""
    assert prices_for("gpt-audio", None) is None
    assert prices_for("other", TABLE) is None
    assert prices_for("whisper-1", TABLE) == Prices(minute=0.006)


def test_a_price_is_per_million_tokens_or_per_minute() -> None:
    """Each kind of token has its rate."""
    prices = prices_for("gpt-audio", TABLE)
    assert prices is not None
    assert prices.of(Tokens(1_000_000, 100_000, 200_000, 0), 0) == pytest.approx(2.5 + 3.2 + 2)
    assert Prices(minute=0.006).of(Tokens(), 600) == pytest.approx(0.06)


@pytest.mark.parametrize("table", ["", "[]", "{", '{"m": 3}', '{"m": {"inpt": 3}}', '{"m": {"input": "x"}}'])
def test_a_broken_table_is_named(table: str) -> None:
    """By the variable, with what it should look like."""
    with pytest.raises(ConfigurationError, match="AUDIOCHAT_PRICES") as caught:
        prices_for("m", table)
    assert "input_audio" in (caught.value.hint or "")


def test_equal_pieces_count_once() -> None:
    """They are asked for once."""
    plan = Plan.of([piece("a", tokens=5), piece("b", tokens=5), piece("a", tokens=5)], None)
    assert (plan.pieces, plan.done, plan.tokens.total) == (3, 1, 10)


def test_the_table_of_the_example_file_is_one(home: Path) -> None:
    """Taking away its # is enough."""
    example = (Path(__file__).resolve().parents[3] / ".env.example").read_text(encoding="utf-8")
    line = next(one for one in example.splitlines() if one.startswith("#AUDIOCHAT_PRICES"))
    (home / "config" / "audiochat").mkdir()
    (home / "config" / "audiochat" / ".env").write_text(f"{line[1:]}\n")
    settings = config.load(config.Flags())
    assert prices_for("whisper-1", settings.prices) == Prices(minute=0.006)
