/* SPDX-License-Identifier: MIT */
/* libxl's record of the stub domain's configuration. */
#ifndef STUBDOM_DOMAIN_CONFIG_H
#define STUBDOM_DOMAIN_CONFIG_H

#include <stdint.h>

#include "domain/host.h"

/*
 * libxl keeps a domain's configuration in a file.  Without it `xl list -l` leaves the
 * domain out, so scripts that save or stop all domains do not come to it.  libxl refuses
 * to save, migrate, or change such a domain.  Its own stub domains have no such file.
 */
struct domain_config {
	uint8_t *text;
	int len;
	uint32_t stub;
};

/* Takes the record away.  domain_config_free releases the strings. */
int domain_config_hide(struct domain_config *config, struct domain_host *host,
		       uint32_t stub, struct err *err);

/* For a call of libxl's that changes the record: show before it, hide again after it. */
int domain_config_show(const struct domain_config *config, struct domain_host *host,
		       struct err *err);

void domain_config_free(struct domain_config *config);

#endif
