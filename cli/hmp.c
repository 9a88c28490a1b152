/* SPDX-License-Identifier: MIT */
/* QEMU's human monitor by way of QMP's human-monitor-command. */
#include "hmp.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "qmp_client.h"

enum { OPEN_TIMEOUT_MS = 10000, RUN_TIMEOUT_MS = 600000, WORDS_MAX = 4096 };

int hmp_run(const char *socket_path, const char *command, char **answer, struct err *err)
{
	cleanup_json json_t *request =
		json_pack("{s:s, s:{s:s}}", "execute", "human-monitor-command",
			  "arguments", "command-line", command);
	cleanup_json json_t *result = NULL;
	struct qmp_client qmp;
	int rc;

	*answer = NULL;
	if (!request)
		return err_set(err, ERR_USAGE, "the command is not UTF-8");
	if (qmp_client_open(&qmp, socket_path, OPEN_TIMEOUT_MS, err) < 0)
		return -1;
	rc = qmp_client_run(&qmp, request, RUN_TIMEOUT_MS, ERR_STUB, &result, err);
	qmp_client_close(&qmp);
	if (rc < 0)
		return -1;
	if (!json_is_string(result))
		return err_set(err, ERR_STUB, "human-monitor-command: not a string");
	*answer = strdup(json_string_value(result));
	return *answer ? 0 : err_set(err, ERR_HOST, "out of memory");
}

char **hmp_command_words(const char *help)
{
	char **words = calloc(WORDS_MAX + 1, sizeof(*words));
	size_t n = 0;

	while (words && *help && n < WORDS_MAX) {
		size_t len = strcspn(help, " |\r\n");

		if (len > 0) {
			words[n] = strndup(help, len);
			if (!words[n++]) {
				hmp_free_words(words);
				return NULL;
			}
		}
		help += len;
		/* After '|' comes an alias, after anything else the next line's name. */
		if (*help != '|')
			help += strcspn(help, "\n");
		help += *help != '\0';
	}
	return words;
}

void hmp_free_words(char **words)
{
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}

char *hmp_complete(char *const words[], const char *prefix, size_t *n)
{
	const char *first = NULL;
	size_t common = 0;

	*n = 0;
	for (; *words; words++) {
		size_t same = 0;

		if (strncmp(*words, prefix, strlen(prefix)) != 0)
			continue;
		(*n)++;
		if (!first) {
			first = *words;
			common = strlen(first);
			continue;
		}
		while (same < common && first[same] == (*words)[same])
			same++;
		common = same;
	}
	return first ? strndup(first, common) : NULL;
}
