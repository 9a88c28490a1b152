/* SPDX-License-Identifier: MIT */
/* Which platform this is: set by kernel_main() before anything else. */
#include <nub/platform.h>

const struct platform_ops *platform;
