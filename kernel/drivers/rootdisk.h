/* SPDX-License-Identifier: MIT */
/* The disk on which the root's files lie (nub/ondisk.h), one for all stub domains. */
#ifndef NUB_DRIVERS_ROOTDISK_H
#define NUB_DRIVERS_ROOTDISK_H

/* From now on files of the root are read from it, as soon as it is connected. */
void rootdisk_init(void);

#endif
