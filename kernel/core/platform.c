/* SPDX-License-Identifier: MIT */
/* Which platform this is: a bare PC until init has found another. */
#include <nub/platform.h>

const struct platform_ops *platform = &platform_pc;
