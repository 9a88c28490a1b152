/* SPDX-License-Identifier: MIT */
/* stubdom screenshot: the guest's screen as a picture, by our own VNC channel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "guest.h"
#include "picture.h"
#include "rfb.h"
#include "sock.h"
#include "verb.h"

enum { CAPTURE_TIMEOUT_MS = 60000 };

static int capture(const struct guest *guest, struct rfb_image *image, struct err *err)
{
	cleanup_free char *path = guest_socket(guest, STUBDOM_RUN_VNC);
	cleanup_fd int fd = -1;

	if (!path)
		return err_set(err, ERR_HOST, "out of memory");
	fd = sock_connect(path, err);
	if (fd < 0)
		return -1;
	return rfb_capture(fd, CAPTURE_TIMEOUT_MS, image, err);
}

static int save(const struct rfb_image *image, enum picture_format format,
		const char *path, struct err *err)
{
	cleanup_file FILE *out = NULL;

	if (strcmp(path, "-") == 0)
		return picture_write(image, format, stdout, "standard output", err);
	out = fopen(path, "we");
	if (!out)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (picture_write(image, format, out, path, err) == 0)
		return 0;
	unlink(path); /* half a picture is of no use */
	return -1;
}

int verb_screenshot(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{0}};
	enum picture_format format;
	struct rfb_image image;
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
	rc = capture(&guest, &image, err);
	guest_free(&guest);
	if (rc < 0)
		return err_prefix(err, "%s", argv[optind]);
	rc = save(&image, format, path, err);
	rfb_image_free(&image);
	return rc;
}
