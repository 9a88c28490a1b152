/* SPDX-License-Identifier: MIT */
/* QMP commands as a person types them: JSON text, or COMMAND KEY=VALUE... */
#include "qmp_args.h"

#include <ctype.h>
#include <string.h>

#include "cleanup.h"

/* A text that starts like JSON is meant as JSON: with a typing error it is no string. */
static int parse_value(const char *word, const char *text, json_t **out, struct err *err)
{
	json_error_t why;

	*out = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
	if (*out)
		return 0;
	if (strchr("{[\"", *text) && *text)
		return err_set(err, ERR_USAGE, "'%s': the value is not JSON: %s", word,
			       why.text);
	if (json_error_code(&why) == json_error_numeric_overflow)
		return err_set(err, ERR_USAGE, "'%s': the number is too large", word);
	*out = json_string(text);
	return *out ? 0 : err_set(err, ERR_USAGE, "'%s': the value is not UTF-8", word);
}

/*
 * Adds KEY=VALUE to an object.  VALUE is read as JSON, else it is a string; "a.b=V" sets
 * b in the object a.  A key that is already there is an error.
 */
static int set_argument(json_t *object, const char *word, struct err *err)
{
	const char *equals = strchr(word, '=');
	cleanup_free char *key = NULL;
	json_t *value;
	char *name;
	char *dot;

	if (!equals || equals == word)
		return err_set(err, ERR_USAGE, "'%s': expected KEY=VALUE", word);
	key = strndup(word, (size_t)(equals - word));
	if (!key)
		return err_set(err, ERR_HOST, "out of memory");
	for (name = key; (dot = strchr(name, '.')); name = dot + 1) {
		json_t *inner;

		*dot = '\0';
		inner = json_object_get(object, name);
		if (!inner) {
			inner = json_object();
			if (json_object_set_new(object, name, inner) < 0)
				return err_set(err, ERR_USAGE, "'%s': bad key", word);
		}
		if (*name == '\0' || !json_is_object(inner))
			return err_set(err, ERR_USAGE, "'%s': '%s' is not an object",
				       word, key);
		object = inner;
	}
	if (*name == '\0')
		return err_set(err, ERR_USAGE, "'%s': expected KEY=VALUE", word);
	if (json_object_get(object, name))
		return err_set(err, ERR_USAGE, "'%s': the key is given twice", word);
	if (parse_value(word, equals + 1, &value, err) < 0)
		return -1;
	if (json_object_set_new(object, name, value) < 0)
		return err_set(err, ERR_USAGE, "'%s': the key is not UTF-8", word);
	return 0;
}

static int parse_whole(const char *text, json_t **out, struct err *err)
{
	json_error_t why;

	*out = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!*out)
		return err_set(err, ERR_USAGE, "the command is not JSON: column %d: %s",
			       why.column, why.text);
	if (json_is_string(json_object_get(*out, "execute")) ||
	    json_is_string(json_object_get(*out, "exec-oob")))
		return 0;
	json_decref(*out);
	*out = NULL;
	return err_set(err, ERR_USAGE, "the command has no \"execute\"");
}

int qmp_args_parse(int n, char *const words[], json_t **out, struct err *err)
{
	cleanup_json json_t *arguments = NULL;

	*out = NULL;
	if (n < 1)
		return err_set(err, ERR_USAGE, "expected a command");
	if (*words[0] == '{') {
		if (n > 1)
			return err_set(err, ERR_USAGE,
				       "'%s': nothing may follow the JSON", words[1]);
		return parse_whole(words[0], out, err);
	}
	for (const char *c = words[0]; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return err_set(err, ERR_USAGE, "'%s' is no command's name",
				       words[0]);
	arguments = json_object();
	for (int i = 1; i < n; i++)
		if (set_argument(arguments, words[i], err) < 0)
			return -1;
	*out = json_pack("{s:s}", "execute", words[0]);
	if (!*out)
		return err_set(err, ERR_USAGE, "'%s' is no command's name", words[0]);
	if (json_object_size(arguments) > 0)
		json_object_set(*out, "arguments", arguments);
	return 0;
}
