/* SPDX-License-Identifier: MIT */
/* stubdom monitor: QEMU's human monitor with line editing and history. */
#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "guest.h"
#include "hmp.h"
#include "term.h"
#include "verb.h"

enum { HISTORY_LINES = 1000 };

struct session {
	const char *socket;
	char *prompt;
	char **words; /* for completion; NULL: not asked yet */
};

static int run_line(const char *socket, const char *line, struct err *err)
{
	cleanup_free char *answer = NULL;

	if (hmp_run(socket, line, &answer, err) < 0)
		return -1;
	term_write_foreign(stdout, answer, strlen(answer));
	fflush(stdout);
	return 0;
}

static int run_stream(const char *socket, FILE *in, struct err *err)
{
	cleanup_free char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, in)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (line[strspn(line, " \t")] && run_line(socket, line, err) < 0)
			return -1;
	}
	return ferror(in) ? err_errno(err, ERR_HOST, errno, "standard input") : 0;
}

static char *session_prompt(EditLine *el)
{
	struct session *session;

	el_get(el, EL_CLIENTDATA, &session);
	return session->prompt;
}

static void list_words(char *const words[], const char *prefix)
{
	putchar('\n');
	for (; *words; words++) {
		if (strncmp(*words, prefix, strlen(prefix)) == 0) {
			term_write_foreign(stdout, *words, strlen(*words));
			putchar(' ');
		}
	}
	putchar('\n');
	fflush(stdout);
}

/* Completes the first word of the line; arguments are QEMU's own affair. */
static unsigned char complete(EditLine *el, int ch)
{
	const LineInfo *line = el_line(el);
	cleanup_free char *prefix = NULL;
	cleanup_free char *common = NULL;
	struct session *session;
	size_t n;

	el_get(el, EL_CLIENTDATA, &session);
	prefix = strndup(line->buffer, (size_t)(line->cursor - line->buffer));
	if (!prefix || strchr(prefix, ' '))
		return CC_ERROR;
	if (!session->words) {
		cleanup_free char *help = NULL;
		struct err ignored;

		if (hmp_run(session->socket, "help", &help, &ignored) == 0)
			session->words = hmp_command_words(help);
	}
	if (!session->words)
		return CC_ERROR;
	common = hmp_complete(session->words, prefix, &n);
	if (!common)
		return CC_ERROR;
	if (strlen(common) > strlen(prefix) && el_insertstr(el, common + strlen(prefix)))
		return CC_ERROR;
	if (n == 1)
		return el_insertstr(el, " ") ? CC_ERROR : CC_REFRESH;
	list_words(session->words, common);
	return CC_REDISPLAY;
}

/* $XDG_STATE_HOME/stubdom/monitor-history; NULL if there is no place for it. */
static char *history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	cleanup_free char *dir = NULL;
	char *path;

	if (state && *state == '/') {
		if (asprintf(&dir, "%s/stubdom", state) < 0)
			dir = NULL;
	} else if (home && *home == '/') {
		cleanup_free char *local = NULL;

		if (asprintf(&local, "%s/.local", home) >= 0)
			mkdir(local, 0700);
		if (local && asprintf(&dir, "%s/.local/state", home) >= 0)
			mkdir(dir, 0700);
		free(dir);
		if (asprintf(&dir, "%s/.local/state/stubdom", home) < 0)
			dir = NULL;
	}
	if (!dir || (mkdir(dir, 0700) < 0 && errno != EEXIST) ||
	    asprintf(&path, "%s/monitor-history", dir) < 0)
		return NULL;
	return path;
}

static int converse(EditLine *el, History *past, struct session *session, struct err *err)
{
	HistEvent event;
	const char *text;
	int n;

	while ((text = el_gets(el, &n)) && n > 0) {
		cleanup_free char *line = strndup(text, strcspn(text, "\n"));

		if (!line || !line[strspn(line, " \t")])
			continue;
		history(past, &event, H_ENTER, text);
		if (strcmp(line, "quit") == 0 || strcmp(line, "q") == 0) {
			puts("'quit' would end QEMU and with it the guest: use "
			     "'xl destroy' for that, Ctrl-D to leave");
			continue;
		}
		if (run_line(session->socket, line, err) < 0)
			return -1;
	}
	putchar('\n');
	return 0;
}

static int run_terminal(struct session *session, struct err *err)
{
	EditLine *el = el_init("stubdom", stdin, stdout, stderr);
	History *past = history_init();
	cleanup_free char *path = history_path();
	HistEvent event;
	int rc;

	if (!el || !past)
		return err_set(err, ERR_HOST, "the line editor does not start");
	history(past, &event, H_SETSIZE, HISTORY_LINES);
	history(past, &event, H_SETUNIQUE, 1);
	if (path)
		history(past, &event, H_LOAD, path);
	el_set(el, EL_CLIENTDATA, session);
	el_set(el, EL_PROMPT, session_prompt);
	el_set(el, EL_EDITOR, "emacs");
	el_set(el, EL_SIGNAL, 1);
	el_set(el, EL_HIST, history, past);
	el_set(el, EL_ADDFN, "stubdom-complete", "complete a command", complete);
	el_set(el, EL_BIND, "^I", "stubdom-complete", NULL);
	/*
	 * A Ctrl-D that is pressed before the editor has the terminal arrives as NUL
	 * (Linux's line discipline), which libedit would take for ed-quoted-insert.
	 */
	el_set(el, EL_BIND, "^@", "em-delete-or-list", NULL);
	rc = converse(el, past, session, err);
	if (path)
		history(past, &event, H_SAVE, path);
	history_end(past);
	el_end(el);
	return rc;
}

static int run_guest(struct guest *guest, char **commands, int n_commands,
		     struct err *err)
{
	cleanup_free char *socket = guest_socket(guest, STUBDOM_RUN_QMP);
	cleanup_free char *prompt = NULL;
	struct session session;
	int rc = 0;

	if (!socket || asprintf(&prompt, "%s> ", guest->name ? guest->name : "qemu") < 0)
		return err_set(err, ERR_HOST, "out of memory");
	session = (struct session){.socket = socket, .prompt = prompt};
	for (int i = 0; rc == 0 && i < n_commands; i++)
		rc = run_line(socket, commands[i], err);
	if (n_commands > 0)
		return rc;
	if (!isatty(STDIN_FILENO))
		return run_stream(socket, stdin, err);
	rc = run_terminal(&session, err);
	hmp_free_words(session.words);
	return rc;
}

int verb_monitor(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"command", required_argument, NULL, 'c'},
					      {0}};
	cleanup_free char **commands = calloc((size_t)argc, sizeof(*commands));
	struct guest guest;
	int n_commands = 0;
	int rc;
	int c;

	if (!commands)
		return err_set(err, ERR_HOST, "out of memory");
	while ((c = verb_getopt(argc, argv, "c:", names, err)) != -1) {
		if (c == '?')
			return -1;
		commands[n_commands++] = optarg;
	}
	if (optind + 1 != argc)
		return verb_usage_error(argv[0], err, "expected one GUEST");
	if (guest_find(argv[optind], &guest, err) < 0)
		return -1;
	rc = run_guest(&guest, commands, n_commands, err);
	guest_free(&guest);
	return rc == 0 ? 0 : err_prefix(err, "%s", argv[optind]);
}
