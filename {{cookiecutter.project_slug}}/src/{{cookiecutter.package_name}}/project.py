"""The project that a command is typed in."""

from __future__ import annotations

from pathlib import Path

from .metrics import metric
from .refusal import Refusal
from .settings import Settings, read_settings


def project_folder() -> Path:
    """Its folder, which is where its commands are typed.

    Raises:
        Refusal: the command was typed elsewhere.
    """
    if not Path("settings.toml").is_file():
        raise Refusal(f"there is no settings.toml in {Path.cwd()}; type this in the project's folder")
    return Path.cwd()


def project_settings() -> Settings:
    """What its settings.toml says.

    Raises:
        Refusal: a setting cannot be used.
    """
    settings = read_settings(project_folder() / "settings.toml")
    metric(settings.gate.metric, settings.data.task)  # better refused now than after the training
    return settings
