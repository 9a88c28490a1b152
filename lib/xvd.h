/* SPDX-License-Identifier: MIT */
/* Names and numbers of Xen's virtual block devices (Xen, docs/man/xen-vbd-interface.7). */
#ifndef STUBDOM_XVD_H
#define STUBDOM_XVD_H

enum {
	XVD_MAX = 26 + 26 * 26, /* xvda to xvdz, xvdaa to xvdzz */
	XVD_NAME_SIZE = 6,
};

/* The name of disk i, 0 <= i < XVD_MAX: "xvda". */
void xvd_name(unsigned i, char out[XVD_NAME_SIZE]);

/* The device number of such a name, below /local/domain/N/device/vbd; -1: no such name. */
int xvd_devid(const char *name);

#endif
