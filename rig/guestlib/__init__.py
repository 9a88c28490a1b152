# SPDX-License-Identifier: MIT
"""Xen guests in a rig, for system tests, demo and bench."""
