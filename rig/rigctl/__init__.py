# SPDX-License-Identifier: MIT
"""Drives a rig: a whole Xen host under QEMU. `from rigctl import Rig`; the class says how."""

from .errors import RigDead, RigError
from .rig import Result, Rig

__all__ = ["Result", "Rig", "RigDead", "RigError"]
