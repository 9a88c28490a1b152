/* SPDX-License-Identifier: MIT */
/* QMP messages of the stub domain, made anew for the client. */
#include "relay/qmp/answer.h"

#include <string.h>

#include "cleanup.h"
#include "relay/qmp/shape.h"

enum { VERSION_MAX = 9999 };

enum qmp_message qmp_answer_kind(const json_t *message)
{
	static const struct {
		const char *member;
		enum qmp_message kind;
	} kinds[] = {
		{"QMP", QMP_MESSAGE_GREETING},
		{"event", QMP_MESSAGE_EVENT},
		{"return", QMP_MESSAGE_RETURN},
		{"error", QMP_MESSAGE_ERROR},
	};
	enum qmp_message found = QMP_MESSAGE_BAD;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!json_object_get(message, kinds[i].member))
			continue;
		if (found != QMP_MESSAGE_BAD)
			return QMP_MESSAGE_BAD;
		found = kinds[i].kind;
	}
	return found;
}

json_t *qmp_answer_greeting(const json_t *message)
{
	static const char *const parts[] = {"major", "minor", "micro"};
	const json_t *version =
		json_object_get(json_object_get(message, "QMP"), "version");
	const json_t *said = json_object_get(version, "package");
	cleanup_json json_t *package =
		json_is_string(said) ? qmp_word_make(NULL, QMP_MEANS_WORD, said) : NULL;
	cleanup_json json_t *numbers = json_object();

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *part =
			json_object_get(json_object_get(version, "qemu"), parts[i]);
		json_int_t number = json_integer_value(part);

		if (!json_is_integer(part) || number < 0 || number > VERSION_MAX)
			return NULL;
		json_object_set_new(numbers, parts[i], json_integer(number));
	}
	/* Out-of-band commands would overtake others; they are not offered. */
	return json_pack("{s:{s:{s:O, s:o}, s:[]}}", "QMP", "version", "qemu", numbers,
			 "package", qmp_word_text(package, QMP_PACKAGE_MAX),
			 "capabilities");
}

json_t *qmp_answer_error(const json_t *message)
{
	/* QapiErrorClass; a class that is new to us becomes that of most errors. */
	static const char *const classes[] = {"GenericError", "CommandNotFound",
					      "DeviceNotActive", "DeviceNotFound",
					      "KVMMissingCap"};
	const json_t *error = json_object_get(message, "error");
	const char *said = json_string_value(json_object_get(error, "class"));
	const char *class = classes[0];

	for (size_t i = 0; said && i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strcmp(said, classes[i]) == 0)
			class = classes[i];
	}
	return json_pack("{s:{s:s, s:o}}", "error", "class", class, "desc",
			 qmp_word_text(json_object_get(error, "desc"), QMP_DESC_MAX));
}

json_t *qmp_answer_refuse(const char *fmt, const char *name, const char *why)
{
	cleanup_json json_t *desc = json_sprintf(fmt, name, why);

	return json_pack("{s:{s:s, s:o}}", "error", "class", "GenericError", "desc",
			 qmp_word_text(desc, QMP_DESC_MAX));
}

/* The screen's address in dom0; websockets have none that the plan keeps. */
static void name_screen(const struct qmp_names *names, json_t *screen)
{
	if (!json_is_object(screen) || !names->vnc_host ||
	    json_is_true(json_object_get(screen, "websocket")))
		return;
	json_object_set_new(screen, "host", json_string(names->vnc_host));
	json_object_set_new(screen, "service", json_string(names->vnc_service));
	json_object_set_new(screen, "family", json_string("ipv4"));
}

/*
 * libxl stores the names of ptys in xenstore, and `xl console` opens them.  So only
 * devices of the plan stay, with their names in dom0.
 */
static json_t *make_chardevs(const struct qmp_names *names, const json_t *list)
{
	json_t *made = json_array();

	for (size_t i = 0; made && i < names->n_chardevs; i++) {
		const struct qmp_chardev *chardev = &names->chardevs[i];
		const json_t *item;
		size_t j;

		json_array_foreach(list, j, item) {
			const char *label =
				json_string_value(json_object_get(item, "label"));

			if (!label || strcmp(label, chardev->label) != 0)
				continue;
			json_array_append_new(
				made,
				json_pack("{s:s, s:s, s:b}", "label", chardev->label,
					  "filename", chardev->filename, "frontend-open",
					  json_is_true(json_object_get(
						  item, "frontend-open"))));
			break;
		}
	}
	return made;
}

/* libxl stores host and port in xenstore. */
static json_t *make_vnc(const struct qmp_names *names, json_t *shaped)
{
	if (!names->vnc_host) {
		json_decref(shaped);
		return json_pack("{s:b}", "enabled", 0);
	}
	json_object_set_new(shaped, "enabled", json_true());
	name_screen(names, shaped);
	if (names->vnc_password)
		json_object_set_new(shaped, "auth", json_string("vnc"));
	return shaped;
}

static void name_screens(const struct qmp_names *names, json_t *servers)
{
	json_t *server;
	json_t *at;
	size_t i;
	size_t j;

	json_array_foreach(servers, i, server) {
		json_array_foreach(json_object_get(server, "server"), j, at)
			name_screen(names, at);
	}
}

json_t *qmp_answer_event(const struct qmp_names *names, const json_t *message)
{
	static const char *const parts[] = {"seconds", "microseconds"};
	const char *name = json_string_value(json_object_get(message, "event"));
	const struct qmp_type *type =
		name ? qmp_schema_find(names->schema, name, QMP_KIND_EVENT) : NULL;
	const json_t *data = json_object_get(message, "data");
	cleanup_json json_t *none = json_object();
	cleanup_json json_t *stamp = json_object();
	json_t *shaped = type ? qmp_shape(names, type->of, data ? data : none) : NULL;

	if (!shaped)
		return NULL;
	if (strncmp(name, "VNC_", 4) == 0)
		name_screen(names, json_object_get(shaped, "server"));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *part =
			json_object_get(json_object_get(message, "timestamp"), parts[i]);

		/* -1: QEMU does not know the time. */
		json_object_set_new(stamp, parts[i],
				    json_integer(json_is_integer(part)
							 ? json_integer_value(part)
							 : -1));
	}
	if (!data)
		json_decref(shaped);
	return data ? json_pack("{s:O, s:s, s:o}", "timestamp", stamp, "event", name,
				"data", shaped)
		    : json_pack("{s:O, s:s}", "timestamp", stamp, "event", name);
}

json_t *qmp_answer_return(const struct qmp_names *names, const char *name,
			  enum qmp_action action, const json_t *message)
{
	const struct qmp_type *type =
		qmp_schema_find(names->schema, name, QMP_KIND_COMMAND);
	json_t *value = json_object_get(message, "return");
	json_t *shaped;

	if (action == QMP_ANSWER_CHARDEV)
		shaped = make_chardevs(names, value);
	else
		shaped = type ? qmp_shape(names, type->of, value) : NULL;
	if (shaped && action == QMP_ANSWER_VNC)
		shaped = make_vnc(names, shaped);
	if (shaped && strcmp(name, "query-vnc-servers") == 0)
		name_screens(names, shaped);
	return shaped ? json_pack("{s:o}", "return", shaped) : NULL;
}
