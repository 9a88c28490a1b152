/* SPDX-License-Identifier: MIT */
/* Version numbers of other software: "4.20.1", "6.12.86+deb13-amd64". */
#ifndef STUBDOM_VERSION_H
#define STUBDOM_VERSION_H

/*
 * Compares the leading dotted numbers, up to four; what is missing counts as 0.
 * Returns -1, 0 or 1.
 */
int version_compare(const char *a, const char *b);

#endif
