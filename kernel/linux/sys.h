/* SPDX-License-Identifier: MIT */
/* The prototypes of the system calls. */
#ifndef LINUX_SYS_H
#define LINUX_SYS_H

#include <nub/types.h>

#include "syscalls_gen.h"

#endif
