/* SPDX-License-Identifier: MIT */
/* The platform: set by kernel_main() before anything else. */
#include <nub/platform.h>

const struct platform_ops *platform;
