# SPDX-License-Identifier: MIT
"""Failures of a rig, as exceptions whose text is meant for a person."""


class RigError(Exception):
    """The rig cannot carry the request out."""


class RigDead(RigError):
    """The rig's machine has ended, panicked or does not answer; the text shows its console."""
