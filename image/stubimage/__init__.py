# SPDX-License-Identifier: MIT
"""Builds and checks the image of the stub domain."""
