"""What tests share: a scripted service, real terminals, hostile input, and the command line."""

from pathlib import Path

SUPPORT = Path(__file__).parent
