/* SPDX-License-Identifier: MIT */
/* Endpoints that are TCP sockets. */
#ifndef STUBDOM_ENDPOINT_TCP_H
#define STUBDOM_ENDPOINT_TCP_H

#include "endpoint/endpoint.h"

/* See endpoint_open. */
int endpoint_tcp_listen(struct endpoint *end, struct err *err);
int endpoint_tcp_connect(struct endpoint *end, struct err *err);

/* See endpoint_lookup: finds plan->addresses, which may take seconds. */
int endpoint_tcp_lookup(struct plan_endpoint *plan, struct err *err);

/* See endpoint_dial. */
int endpoint_tcp_dial(const struct plan_endpoint *plan, struct err *err);

#endif
