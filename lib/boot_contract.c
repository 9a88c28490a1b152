/* SPDX-License-Identifier: MIT */
/* The boot contract as a structure: written by the launcher, read by the agent. */
#include "boot_contract.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* Bounds that no honest contract comes near; they keep a damaged one from using up memory. */
enum { MAX_ITEMS = 4096 };

static int get_string(const json_t *obj, const char *where, const char *key, char **out,
		      struct err *err)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_string(v))
		return err_set(err, ERR_USAGE, "%s.%s: expected a string", where, key);
	*out = strdup(json_string_value(v));
	return *out ? 0 : err_set(err, ERR_HOST, "out of memory");
}

static int get_unsigned(const json_t *obj, const char *where, const char *key,
			unsigned most, unsigned *out, struct err *err)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > (json_int_t)most)
		return err_set(err, ERR_USAGE, "%s.%s: expected an integer from 0 to %u",
			       where, key, most);
	*out = (unsigned)json_integer_value(v);
	return 0;
}

/* An absent array counts as an empty one. */
static int get_array(const json_t *obj, const char *key, size_t item_size, void **items,
		     size_t *n, struct err *err)
{
	const json_t *v = json_object_get(obj, key);

	*items = NULL;
	*n = 0;
	if (!v)
		return 0;
	if (!json_is_array(v) || json_array_size(v) > MAX_ITEMS)
		return err_set(err, ERR_USAGE,
			       "%s: expected an array of at most %d items", key,
			       MAX_ITEMS);
	/* One more than asked for: a list of strings ends with a NULL. */
	*items = calloc(json_array_size(v) + 1, item_size);
	if (!*items)
		return err_set(err, ERR_HOST, "out of memory");
	*n = json_array_size(v);
	return 0;
}

static int get_strings(const json_t *obj, const char *key, char ***out, size_t *n,
		       struct err *err)
{
	const json_t *array = json_object_get(obj, key);

	if (get_array(obj, key, sizeof(char *), (void **)out, n, err) < 0)
		return -1;
	for (size_t i = 0; i < *n; i++) {
		const json_t *v = json_array_get(array, i);

		if (!json_is_string(v))
			return err_set(err, ERR_USAGE, "%s[%zu]: expected a string", key,
				       i);
		(*out)[i] = strdup(json_string_value(v));
		if (!(*out)[i])
			return err_set(err, ERR_HOST, "out of memory");
	}
	return 0;
}

static int parse_disks(const json_t *root, struct boot_contract *out, struct err *err)
{
	const json_t *array = json_object_get(root, "disks");

	if (get_array(root, "disks", sizeof(*out->disks), (void **)&out->disks,
		      &out->n_disks, err) < 0)
		return -1;
	for (size_t i = 0; i < out->n_disks; i++) {
		const json_t *v = json_array_get(array, i);

		if (get_string(v, "disks[]", "dev", &out->disks[i].dev, err) < 0)
			return -1;
		out->disks[i].readonly = json_is_true(json_object_get(v, "readonly"));
	}
	return 0;
}

static int parse_nics(const json_t *root, struct boot_contract *out, struct err *err)
{
	const json_t *array = json_object_get(root, "nics");

	if (get_array(root, "nics", sizeof(*out->nics), (void **)&out->nics, &out->n_nics,
		      err) < 0)
		return -1;
	for (size_t i = 0; i < out->n_nics; i++) {
		const json_t *v = json_array_get(array, i);
		struct boot_nic *nic = &out->nics[i];

		if (get_string(v, "nics[]", "tap", &nic->tap, err) < 0 ||
		    get_unsigned(v, "nics[]", "xenif", 65535, &nic->xenif, err) < 0 ||
		    get_string(v, "nics[]", "mac", &nic->mac, err) < 0)
			return -1;
		if (json_object_get(v, "mtu") &&
		    get_unsigned(v, "nics[]", "mtu", 65535, &nic->mtu, err) < 0)
			return -1;
	}
	return 0;
}

static int parse_channels(const json_t *root, struct boot_contract *out, struct err *err)
{
	const json_t *array = json_object_get(root, "channels");

	if (get_array(root, "channels", sizeof(*out->channels), (void **)&out->channels,
		      &out->n_channels, err) < 0)
		return -1;
	if (out->n_channels > STUBDOM_CHANNELS_MAX)
		return err_set(err, ERR_USAGE, "channels: more than %d",
			       STUBDOM_CHANNELS_MAX);
	for (size_t i = 0; i < out->n_channels; i++) {
		const json_t *v = json_array_get(array, i);
		struct boot_channel *ch = &out->channels[i];
		cleanup_free char *kind = NULL;

		if (get_string(v, "channels[]", "name", &ch->name, err) < 0 ||
		    get_string(v, "channels[]", "kind", &kind, err) < 0 ||
		    get_string(v, "channels[]", "path", &ch->path, err) < 0)
			return -1;
		if (!channel_name_valid(ch->name))
			return err_set(err, ERR_USAGE,
				       "channels[].name: '%s' is not a channel name",
				       ch->name);
		if (channel_kind_parse(kind, &ch->kind) < 0)
			return err_set(err, ERR_USAGE,
				       "channels[].kind: '%s' is not a kind of channel",
				       kind);
	}
	return 0;
}

static int parse_root(const json_t *root, struct boot_contract *out, struct err *err)
{
	const json_t *guest = json_object_get(root, "guest");
	const json_t *qemu = json_object_get(root, "qemu");
	unsigned version;

	if (get_unsigned(root, "", "version", 65535, &version, err) < 0)
		return -1;
	if (version != STUBDOM_BOOT_VERSION)
		return err_set(err, ERR_USAGE,
			       "version: this agent speaks %d, the launcher wrote %u; "
			       "rebuild the image",
			       STUBDOM_BOOT_VERSION, version);
	if (get_unsigned(guest, "guest", "domid", 0x7fef, &out->guest_domid, err) < 0 ||
	    get_string(guest, "guest", "name", &out->guest_name, err) < 0 ||
	    get_string(qemu, "qemu", "path", &out->qemu_path, err) < 0 ||
	    get_strings(qemu, "argv", &out->argv, &out->n_argv, err) < 0)
		return -1;
	if (out->n_argv == 0)
		return err_set(err, ERR_USAGE, "qemu.argv: expected at least one string");
	if (parse_disks(root, out, err) < 0 || parse_nics(root, out, err) < 0 ||
	    parse_channels(root, out, err) < 0)
		return -1;
	return get_strings(root, "topology", &out->topology, &out->n_topology, err);
}

int boot_contract_parse(const char *text, size_t len, struct boot_contract *out,
			struct err *err)
{
	cleanup_json json_t *root = NULL;
	json_error_t why;

	memset(out, 0, sizeof(*out));
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return err_set(err, ERR_USAGE, STUBDOM_BOOT_FILE ": line %d: %s",
			       why.line, why.text);
	if (parse_root(root, out, err) < 0) {
		boot_contract_free(out);
		return err_prefix(err, STUBDOM_BOOT_FILE);
	}
	return 0;
}

static json_t *format_strings(char *const *strings, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(strings[i]));
	return array;
}

char *boot_contract_format(const struct boot_contract *boot)
{
	cleanup_json json_t *root =
		json_pack("{s:i, s:{s:i, s:s}, s:{s:s, s:o}}", "version",
			  STUBDOM_BOOT_VERSION, "guest", "domid", (int)boot->guest_domid,
			  "name", boot->guest_name, "qemu", "path", boot->qemu_path,
			  "argv", format_strings(boot->argv, boot->n_argv));
	json_t *disks = json_array();
	json_t *nics = json_array();
	json_t *channels = json_array();

	for (size_t i = 0; i < boot->n_disks; i++)
		json_array_append_new(disks,
				      json_pack("{s:s, s:b}", "dev", boot->disks[i].dev,
						"readonly", boot->disks[i].readonly));
	for (size_t i = 0; i < boot->n_nics; i++)
		json_array_append_new(nics, json_pack("{s:s, s:i, s:s, s:i}", "tap",
						      boot->nics[i].tap, "xenif",
						      (int)boot->nics[i].xenif, "mac",
						      boot->nics[i].mac, "mtu",
						      (int)boot->nics[i].mtu));
	for (size_t i = 0; i < boot->n_channels; i++)
		json_array_append_new(channels,
				      json_pack("{s:s, s:s, s:s}", "name",
						boot->channels[i].name, "kind",
						channel_kind_name(boot->channels[i].kind),
						"path", boot->channels[i].path));
	json_object_set_new(root, "disks", disks);
	json_object_set_new(root, "nics", nics);
	json_object_set_new(root, "channels", channels);
	if (boot->topology)
		json_object_set_new(root, "topology",
				    format_strings(boot->topology, boot->n_topology));
	return json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS);
}

static void free_strings(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

void boot_contract_free(struct boot_contract *boot)
{
	free(boot->guest_name);
	free(boot->qemu_path);
	free_strings(boot->argv);
	free_strings(boot->topology);
	for (size_t i = 0; i < boot->n_disks; i++)
		free(boot->disks[i].dev);
	for (size_t i = 0; i < boot->n_nics; i++) {
		free(boot->nics[i].tap);
		free(boot->nics[i].mac);
	}
	for (size_t i = 0; i < boot->n_channels; i++) {
		free(boot->channels[i].name);
		free(boot->channels[i].path);
	}
	free(boot->disks);
	free(boot->nics);
	free(boot->channels);
	memset(boot, 0, sizeof(*boot));
}
