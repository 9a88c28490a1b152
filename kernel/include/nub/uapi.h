/* SPDX-License-Identifier: MIT */
/* Constants of Linux's interface that older headers lack: Debian 12 has those of Linux 6.1. */
#ifndef NUB_UAPI_H
#define NUB_UAPI_H

#include <linux/fcntl.h>
#include <linux/memfd.h>

#if __has_include(<linux/eventfd.h>)
#include <linux/eventfd.h>
#else
#define EFD_SEMAPHORE (1 << 0)
#define EFD_CLOEXEC O_CLOEXEC
#define EFD_NONBLOCK O_NONBLOCK
#endif

#ifndef F_SEAL_EXEC /* 6.3 */
#define F_SEAL_EXEC 0x0020
#endif

#ifndef MFD_EXEC /* 6.3 */
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC 0x0010U
#endif

#endif
