/* SPDX-License-Identifier: MIT */
/* Reads a boot contract as the agent does and writes it as the launcher does. */
#include <stdio.h>
#include <stdlib.h>

#include "boot_contract.h"

static char text[1 << 20];

int main(void)
{
	size_t len = fread(text, 1, sizeof(text), stdin);
	struct boot_contract boot;
	struct err err;
	char *out;

	if (boot_contract_parse(text, len, &boot, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return err.code;
	}
	out = boot_contract_format(&boot);
	boot_contract_free(&boot);
	if (!out || puts(out) < 0)
		return ERR_HOST;
	free(out);
	return 0;
}
