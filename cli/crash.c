/* SPDX-License-Identifier: MIT */
/* The evidence of stub domains that have died, as stubdom-dm has kept it. */
#include "crash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

enum { FILE_MAX = 256 * 1024 };

static const char *const file_names[] = {CRASH_FILE_KERNEL, CRASH_FILE_LOG,
					 CRASH_FILE_PLAN, CRASH_FILE_CONTRACT,
					 CRASH_FILE_CORE};

static const struct {
	const char *key;
	json_type type;
} facts[] = {
	{"time", JSON_STRING},	       {"guest", JSON_STRING},
	{"guest_domid", JSON_INTEGER}, {"why", JSON_STRING},
	{"running", JSON_TRUE},	       {"action", JSON_STRING},
	{"kernel", JSON_STRING},       {"type", JSON_STRING},
	{"qemu", JSON_STRING},	       {"image", JSON_STRING},
	{"image_mark", JSON_STRING},
};

static int open_one(const struct crash_dir *dir, const char *name)
{
	return openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static char *read_text(int dir, const char *file)
{
	cleanup_fd int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char *text = fd >= 0 ? malloc(FILE_MAX + 1) : NULL;
	size_t len = 0;
	ssize_t n;

	if (!text)
		return NULL;
	while (len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

static bool fits(const json_t *value, json_type type)
{
	return value && (json_typeof(value) == type ||
			 (type == JSON_TRUE && json_is_boolean(value)));
}

static json_t *files_json(int one)
{
	json_t *files = json_array();

	for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
		struct stat st;

		if (fstatat(one, file_names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			json_array_append_new(files, json_pack("{s:s, s:I}", "name",
							       file_names[i], "bytes",
							       (json_int_t)st.st_size));
	}
	return files;
}

json_t *crash_read(const struct crash_dir *dir, const char *name, struct err *err)
{
	cleanup_fd int one = open_one(dir, name);
	cleanup_free char *text = one >= 0 ? read_text(one, CRASH_FILE_FACTS) : NULL;
	cleanup_json json_t *found = text ? json_loads(text, 0, NULL) : NULL;
	json_t *out;

	if (one < 0) {
		err_errno(err, ERR_HOST, errno, "crash evidence %s", name);
		return NULL;
	}
	out = json_pack("{s:s}", "name", name);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		json_t *value = json_object_get(found, facts[i].key);

		json_object_set(out, facts[i].key,
				fits(value, facts[i].type) ? value : json_null());
	}
	json_object_set_new(out, "files", files_json(one));
	return out;
}

const char *crash_find(const struct crash_dir *dir, const char *name_or_guest)
{
	struct err ignored;

	for (size_t i = dir->n; i-- > 0;)
		if (strcmp(dir->names[i], name_or_guest) == 0)
			return dir->names[i];
	for (size_t i = dir->n; i-- > 0;) {
		cleanup_json json_t *one = crash_read(dir, dir->names[i], &ignored);
		const char *guest = json_string_value(json_object_get(one, "guest"));

		if (guest && strcmp(guest, name_or_guest) == 0)
			return dir->names[i];
	}
	return NULL;
}

char *crash_read_file(const struct crash_dir *dir, const char *name, const char *file)
{
	cleanup_fd int one = open_one(dir, name);

	return one >= 0 ? read_text(one, file) : NULL;
}

bool crash_has_core(const struct crash_dir *dir, const char *name)
{
	cleanup_fd int one = open_one(dir, name);
	struct stat st;

	return one >= 0 && fstatat(one, CRASH_FILE_CORE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}
