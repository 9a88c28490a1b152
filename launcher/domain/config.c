/* SPDX-License-Identifier: MIT */
/* libxl's record of the stub domain's configuration. */
#include "domain/config.h"

#include <libxl_utils.h>
#include <stdlib.h>

/* libxl_domain_config.h of libxl: "libxl_domain_config object in JSON format". */
#define RECORD "libxl-json"

int domain_config_hide(struct domain_config *config, struct domain_host *host,
		       uint32_t stub, struct err *err)
{
	uint8_t *text = NULL;
	int len = 0;

	domain_host_forget_error(host);
	if (libxl_userdata_retrieve(host->libxl, stub, RECORD, &text, &len) ||
	    libxl_userdata_unlink(host->libxl, stub, RECORD)) {
		free(text);
		return domain_host_error(host, err,
					 "taking libxl's record of the stub domain");
	}
	domain_config_free(config);
	*config = (struct domain_config){.text = text, .len = len, .stub = stub};
	return 0;
}

int domain_config_show(const struct domain_config *config, struct domain_host *host,
		       struct err *err)
{
	domain_host_forget_error(host);
	if (libxl_userdata_store(host->libxl, config->stub, RECORD, config->text,
				 config->len))
		return domain_host_error(host, err,
					 "writing libxl's record of the stub domain");
	return 0;
}

void domain_config_free(struct domain_config *config)
{
	free(config->text);
	*config = (struct domain_config){0};
}
