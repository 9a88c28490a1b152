/* SPDX-License-Identifier: MIT */
/* The agent's reports to dom0, and the one way in which PID 1 ends. */
#include "report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "abi/boot.h"
#include "clock.h"
#include "console.h"
#include "start_log.h"
#include "xs.h"

enum { CONSOLE_DRAIN_MS = 2000 };

static const char *current_stage = STUBDOM_STAGE_BOOT;

/* xenstore is how dom0 hears of a failure, so its own goes to the console. */
static void tell(const char *path, const char *value)
{
	struct err err = {0};

	if (xs_client_fd() >= 0 && xs_client_write(path, value, &err) < 0)
		console_printf("agent", "%s", err.msg);
}

void report_stage(const char *stage)
{
	const bool last = strcmp(stage, STUBDOM_STAGE_EXITED) == 0;
	struct err err = {0};

	current_stage = stage;
	/* Both kernels count from their own start. */
	console_printf("agent", START_LOG_STAGE, stage, (long long)clock_ms());
	if (last)
		tell(STUBDOM_XS_STAGE, stage); /* the power goes off behind it */
	else if (xs_client_fd() >= 0 && xs_client_post(STUBDOM_XS_STAGE, stage, &err) < 0)
		console_printf("agent", "%s", err.msg);
}

void report_line(const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	console_line("agent", text, strlen(text));
}

void report_exit(const char *how)
{
	console_printf("agent", "QEMU: %s", how);
	tell(STUBDOM_XS_EXIT, how);
}

void report_error(const struct err *err)
{
	char line[sizeof(err->msg) + 32];

	snprintf(line, sizeof(line), "%s: %s", current_stage, err->msg);
	console_printf("agent", "error: %s", line);
	tell(STUBDOM_XS_ERROR, line);
}

void report_fatal(const struct err *err)
{
	report_error(err);
	report_power_off();
}

void report_power_off(void)
{
	console_flush(CONSOLE_DRAIN_MS);
	reboot(RB_POWER_OFF);
	/* PID 1 must not return, even if the kernel does not power off. */
	for (;;)
		clock_wait_ms(1000);
}
