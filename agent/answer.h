/* SPDX-License-Identifier: MIT */
/* Tells dom0 how the stub domain is, when it asks (abi/boot.h). */
#ifndef AGENT_ANSWER_H
#define AGENT_ANSWER_H

#include "err.h"

/* Answers the question in STUBDOM_XS_ASK, if there is one.  Nothing waits long. */
int answer(struct err *err);

#endif
