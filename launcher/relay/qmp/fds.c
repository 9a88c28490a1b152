/* SPDX-License-Identifier: MIT */
/* Descriptors that QMP clients hand over, in QEMU's terms: fd sets. */
#include "relay/qmp/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decimal.h"

#define SET_PATH "/dev/fdset/"

void qmp_arrived_put(struct qmp_arrived *arrived, int fd)
{
	if (arrived->n == QMP_ARRIVED_MAX)
		close(fd);
	else
		arrived->fds[arrived->n++] = fd;
}

void qmp_arrived_free(struct qmp_arrived *arrived)
{
	while (arrived->n > 0)
		close(arrived->fds[--arrived->n]);
}

static int take_arrived(struct qmp_arrived *arrived)
{
	int fd;

	if (arrived->n == 0)
		return -1;
	fd = arrived->fds[0];
	arrived->n--;
	memmove(arrived->fds, arrived->fds + 1, arrived->n * sizeof(int));
	return fd;
}

static bool has_set(const struct qmp_fds *fds, json_int_t set)
{
	for (size_t i = 0; i < fds->n; i++) {
		if (fds->list[i].set == set)
			return true;
	}
	return false;
}

static json_t *add(struct qmp_fds *fds, struct qmp_arrived *arrived,
		   const json_t *arguments, struct err *err)
{
	const char *opaque = json_string_value(json_object_get(arguments, "opaque"));
	json_t *wanted = json_object_get(arguments, "fdset-id");
	json_int_t set = json_integer_value(wanted);
	int fd = take_arrived(arrived);

	if (fd < 0) {
		err_set(err, ERR_USAGE, "No file descriptor supplied via SCM_RIGHTS");
		return NULL;
	}
	if (fds->n == QMP_FDS_MAX || (wanted && (!json_is_integer(wanted) || set < 0))) {
		close(fd);
		err_set(err, ERR_USAGE,
			fds->n == QMP_FDS_MAX
				? "there are %d descriptors already; use remove-fd"
				: "Parameter 'fdset-id' expects a non-negative value",
			QMP_FDS_MAX);
		return NULL;
	}
	while (!wanted && has_set(fds, set))
		set++;
	fds->list[fds->n++] = (struct qmp_fd){
		.set = set, .fd = fd, .opaque = opaque ? strdup(opaque) : NULL};
	return json_pack("{s:I, s:i}", "fdset-id", set, "fd", fd);
}

static json_t *remove_some(struct qmp_fds *fds, const json_t *arguments, struct err *err)
{
	json_t *set = json_object_get(arguments, "fdset-id");
	json_t *one = json_object_get(arguments, "fd");
	size_t kept = 0;

	for (size_t i = 0; i < fds->n; i++) {
		struct qmp_fd *at = &fds->list[i];

		if (json_is_integer(set) && at->set == json_integer_value(set) &&
		    (!one || json_integer_value(one) == at->fd)) {
			close(at->fd);
			free(at->opaque);
		} else {
			fds->list[kept++] = *at;
		}
	}
	if (kept == fds->n) {
		err_set(err, ERR_USAGE,
			"File descriptor named 'fdset-id:%" JSON_INTEGER_FORMAT
			"' not found",
			json_integer_value(set));
		return NULL;
	}
	fds->n = kept;
	return json_object();
}

static json_t *query(const struct qmp_fds *fds)
{
	json_t *sets = json_array();

	for (size_t i = 0; i < fds->n; i++) {
		const struct qmp_fd *at = &fds->list[i];
		json_t *list = NULL;
		json_t *item = json_pack("{s:i}", "fd", at->fd);

		if (at->opaque)
			json_object_set_new(item, "opaque", json_string(at->opaque));
		for (size_t j = 0; j < json_array_size(sets) && !list; j++) {
			json_t *set = json_array_get(sets, j);

			if (json_integer_value(json_object_get(set, "fdset-id")) ==
			    at->set)
				list = json_object_get(set, "fds");
		}
		if (list)
			json_array_append_new(list, item);
		else
			json_array_append_new(sets, json_pack("{s:I, s:[o]}", "fdset-id",
							      at->set, "fds", item));
	}
	return sets;
}

json_t *qmp_fds_command(struct qmp_fds *fds, struct qmp_arrived *arrived,
			const char *name, const json_t *arguments, struct err *err)
{
	if (strcmp(name, "add-fd") == 0)
		return add(fds, arrived, arguments, err);
	if (strcmp(name, "remove-fd") == 0)
		return remove_some(fds, arguments, err);
	return query(fds);
}

bool qmp_fds_is_path(const char *path)
{
	return strncmp(path, SET_PATH, strlen(SET_PATH)) == 0;
}

static bool can(int fd, bool write)
{
	int flags = fcntl(fd, F_GETFL);
	int mode = flags & O_ACCMODE;
	struct stat st;

	/* A reader that is slow would hold up everybody. */
	if (write && (fstat(fd, &st) < 0 || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return false;
	/* A name without access (O_PATH) has the mode of a reader. */
	return flags >= 0 && !(flags & O_PATH) &&
	       (mode == O_RDWR || mode == (write ? O_WRONLY : O_RDONLY));
}

int qmp_fds_open(const struct qmp_fds *fds, const char *path, bool write, struct err *err)
{
	const char *digits = path + strlen(SET_PATH);
	uint64_t set;

	if (decimal_parse(digits, INT64_MAX, &set) < 0)
		return err_set(err, ERR_USAGE, "'%.64s' is no file descriptor set", path);
	for (size_t i = 0; i < fds->n; i++) {
		int fd;

		if (fds->list[i].set != (json_int_t)set || !can(fds->list[i].fd, write))
			continue;
		fd = fcntl(fds->list[i].fd, F_DUPFD_CLOEXEC, 3);
		return fd >= 0 ? fd : err_errno(err, ERR_HOST, errno, "%s", path);
	}
	return err_set(err, ERR_USAGE, "%s has no descriptor %s", path,
		       write ? "of a file that can be written to" : "that can be read");
}

void qmp_fds_free(struct qmp_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++) {
		close(fds->list[i].fd);
		free(fds->list[i].opaque);
	}
	fds->n = 0;
}
