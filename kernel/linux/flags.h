/* SPDX-License-Identifier: MIT */
/* Flags of system calls that Linux's own headers do not give to programs. */
#ifndef LINUX_FLAGS_H
#define LINUX_FLAGS_H

#ifndef R_OK
#define R_OK 4
#define W_OK 2
#define X_OK 1
#endif
#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif
#define SOCK_CLOEXEC O_CLOEXEC
#define SOCK_NONBLOCK O_NONBLOCK
#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2
#define MSG_OOB 1
#define PER_LINUX 0
/* umount2() */
#define MNT_FORCE 1
#define MNT_DETACH 2
#define MNT_EXPIRE 4
#define UMOUNT_NOFOLLOW 8

#endif
