"""Where a setting's value comes from."""

from __future__ import annotations

from enum import Enum


class Source(Enum):
    """Where a value comes from, strongest first."""

    FLAG = "the command line"
    ENVIRONMENT = "the environment"
    NAMED_FILE = "the file that was named"
    PROJECT_FILE = ".env in the working directory"
    """It may be somebody else's: a repository can bring one."""
    USER_FILE = "the user's own .env"
    DEFAULT = "the default"
