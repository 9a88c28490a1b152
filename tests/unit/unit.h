/* SPDX-License-Identifier: MIT */
/* cmocka and the headers that it wants included before it. */
#ifndef STUBDOM_TEST_UNIT_H
#define STUBDOM_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
