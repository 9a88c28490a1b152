/* SPDX-License-Identifier: MIT */
/* stubdom screenshot: the guest's screen as a picture, by QMP. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "guest.h"
#include "picture.h"
#include "qmp_client.h"
#include "verb.h"

enum { TIMEOUT_MS = 60000 };

/* QEMU's screendump into `fd`. */
static int dump(struct qmp_client *qmp, int fd, struct err *err)
{
	cleanup_json json_t *command = NULL, *remove = NULL, *result = NULL;
	cleanup_json json_t *ignored = NULL;
	struct err unheard;
	char name[64];
	json_int_t set;
	int rc;

	if (qmp_client_add_fd(qmp, fd, TIMEOUT_MS, &set, err) < 0)
		return -1;
	snprintf(name, sizeof(name), "/dev/fdset/%lld", (long long)set);
	command = json_pack("{s:s, s:{s:s}}", "execute", "screendump", "arguments",
			    "filename", name);
	rc = qmp_client_run(qmp, command, TIMEOUT_MS, VERB_NO, &result, err);
	remove = json_pack("{s:s, s:{s:I}}", "execute", "remove-fd", "arguments",
			   "fdset-id", set);
	qmp_client_run(qmp, remove, TIMEOUT_MS, VERB_NO, &ignored, &unheard);
	return rc;
}

/* The other side's bytes, copied before they are looked at, with a NUL behind them. */
static char *read_file(int fd, size_t *len, struct err *err)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *data;

	if (size < 0 || (size_t)size > PICTURE_BYTES_MAX) {
		err_set(err, ERR_STUB, "QEMU's picture is larger than %zu MiB",
			PICTURE_BYTES_MAX >> 20);
		return NULL;
	}
	data = calloc(1, (size_t)size + 1);
	if (!data) {
		err_set(err, ERR_HOST, "out of memory");
		return NULL;
	}
	for (*len = 0; *len < (size_t)size;) {
		ssize_t n = pread(fd, data + *len, (size_t)size - *len, (off_t)*len);

		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	return data;
}

/* The screen comes as a file that QEMU writes: into memory of ours. */
static int capture(const struct guest *guest, struct picture *picture, struct err *err)
{
	cleanup_free char *path = guest_socket(guest, STUBDOM_RUN_QMP);
	cleanup_free char *data = NULL;
	cleanup_fd int memory = memfd_create("screenshot", MFD_CLOEXEC);
	cleanup_fd int out = -1;
	char link[64];
	struct qmp_client qmp;
	size_t len;
	int rc;

	if (!path)
		return err_set(err, ERR_HOST, "out of memory");
	/* QEMU takes a descriptor only if it is open for exactly QEMU's own use of it. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", memory);
	out = memory < 0 ? -1 : open(link, O_WRONLY | O_CLOEXEC);
	if (out < 0)
		return err_errno(err, ERR_HOST, errno, "a file in memory");
	if (qmp_client_open(&qmp, path, TIMEOUT_MS, err) < 0)
		return -1;
	rc = dump(&qmp, out, err);
	qmp_client_close(&qmp);
	if (rc < 0)
		return -1;
	data = read_file(memory, &len, err);
	return data ? picture_read_ppm(data, len, picture, err) : -1;
}

static int save(const struct picture *picture, enum picture_format format,
		const char *path, struct err *err)
{
	cleanup_file FILE *out = NULL;

	if (strcmp(path, "-") == 0)
		return picture_write(picture, format, stdout, "standard output", err);
	out = fopen(path, "we");
	if (!out)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (picture_write(picture, format, out, path, err) == 0)
		return 0;
	unlink(path); /* half a picture is of no use */
	return -1;
}

int verb_screenshot(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{0}};
	enum picture_format format;
	struct picture picture;
	struct guest guest;
	const char *path;
	int rc;

	if (verb_getopt(argc, argv, "", names, err) != -1)
		return -1;
	if (optind + 2 != argc)
		return verb_usage_error(argv[0], err, "expected GUEST and a file");
	path = argv[optind + 1];
	if (picture_format_of(path, &format) < 0)
		return verb_usage_error(argv[0], err,
					"'%s': expected FILE.png or FILE.ppm", path);
	if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
		return verb_usage_error(argv[0], err,
					"a terminal cannot show a PNG; name a file");
	if (guest_find(argv[optind], &guest, err) < 0)
		return -1;
	rc = capture(&guest, &picture, err);
	guest_free(&guest);
	if (rc < 0)
		return err_prefix(err, "%s", argv[optind]);
	rc = save(&picture, format, path, err);
	picture_free(&picture);
	return rc;
}
