/* SPDX-License-Identifier: MIT */
/* Files, directories, links, descriptors. */
#define _LARGEFILE64_SOURCE
#include "abi.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define D "/tmp/abi-dir"

static void start(void)
{

	rmdir(D);
	mkdir(D, 0755);
	if (chdir(D))
		say("no directory");
}

static void open_flags(void)
{
	int fd;

	start();
	try(open("missing", O_RDONLY));
	fd = works(open("f", O_RDWR | O_CREAT | O_EXCL, 0640));
	try(open("f", O_RDWR | O_CREAT | O_EXCL, 0640));
	try(write(fd, "hello", 5));
	works(open("f", O_WRONLY | O_TRUNC));
	try(lseek(fd, 0, SEEK_END));
	try(open("f/x", O_RDONLY));
	try(open("f", O_RDONLY | O_DIRECTORY));
	try(open(D, O_RDWR));
	try(open(".", O_WRONLY | O_CREAT, 0600));
	try(open("nodir/x", O_RDWR | O_CREAT, 0600));
	try(open("", O_RDONLY));
	symlink("f", "link");
	try(open("link", O_RDONLY | O_NOFOLLOW));
	works(open("link", O_RDONLY));
	symlink("loop", "loop");
	try(open("loop", O_RDONLY));
	symlink("made", "through");
	works(open("through", O_RDWR | O_CREAT, 0600));
	try(access("made", F_OK));
	try(read(open("f", O_WRONLY), &fd, 1));
	try(write(open("f", O_RDONLY), &fd, 1));
	try(openat(999, "f", O_RDONLY));
	try(openat(fd, "f", O_RDONLY));
	unlink("f");
	unlink("link");
	unlink("loop");
	unlink("through");
	unlink("made");
}

static void read_write(void)
{
	int fd, other;
	char buf[32] = "";
	struct iovec v[3] = {{buf, 3}, {buf + 10, 0}, {buf + 20, 4}};
	struct iovec w[2] = {{"ab", 2}, {"cdef", 4}};

	start();
	fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);
	try(writev(fd, w, 2));
	try(lseek(fd, 1, SEEK_SET));
	try(readv(fd, v, 3));
	say("%.3s %.4s", buf, buf + 20);
	try(read(fd, buf, 10));
	try(pread(fd, buf, 2, 4));
	say("%.2s", buf);
	try(pwrite(fd, "XY", 2, 10));
	try(lseek(fd, 0, SEEK_CUR));
	try(lseek(fd, -1, SEEK_SET));
	try(lseek(fd, -2, SEEK_END));
	try(lseek(fd, 0, 17));
	try(lseek(fd, 3, SEEK_DATA));
	try(lseek(fd, 3, SEEK_HOLE));
	try(lseek(fd, 100, SEEK_DATA));
	try(pread(fd, buf, 1, -1));
	try(read(fd, NULL, 1));
	try(write(fd, NULL, 1));
	try(readv(fd, v, 2000));
	try(readv(fd, NULL, 1));
	try(readv(999, v, 1));
	other = open("f", O_WRONLY | O_APPEND);
	lseek(other, 0, SEEK_SET);
	try(write(other, "end", 3));
	try(lseek(other, 0, SEEK_CUR));
	try(ftruncate(fd, 3));
	try(ftruncate(fd, -1));
	try(truncate("f", 20));
	try(lseek(fd, 0, SEEK_END));
	lseek(fd, 0, SEEK_SET);
	other = open("g", O_RDWR | O_CREAT | O_TRUNC, 0600);
	try(sendfile(other, fd, NULL, 100));
	try(copy_file_range(fd, &(loff_t){0}, other, NULL, 2, 0));
	try(lseek(other, 0, SEEK_CUR));
	try(fsync(fd));
	unlink("f");
	unlink("g");
	try(read(fd, buf, 1));
}

static void names(void)
{
	struct stat a, b;
	char buf[64] = "";

	start();
	close(open("a", O_CREAT | O_RDWR, 0600));
	try(link("a", "b"));
	stat("a", &a);
	stat("b", &b);
	say("same inode %d, links %ld", a.st_ino == b.st_ino, (long)a.st_nlink);
	try(link("a", "b"));
	try(rename("a", "c"));
	try(access("a", F_OK));
	try(rename("b", "c"));
	try(rename("missing", "x"));
	try(mkdir("d", 0700));
	try(mkdir("d", 0700));
	try(rename("c", "d"));
	try(rename("d", "c"));
	try(rename("c", "d/c"));
	try(rmdir("d"));
	try(unlink("d"));
	try(rmdir("d/c"));
	try(mkdir("d/e", 0755));
	try(rename("d", "d/e/f"));
	try(rename("d", "dd"));
	try(access("dd/e", F_OK));
	try(rmdir("dd/e"));
	try(symlink("target", "s"));
	try(readlink("s", buf, sizeof(buf)));
	try(readlink("s", buf, 3));
	say("%s", buf);
	try(readlink("dd", buf, sizeof(buf)));
	try(lstat("s", &a));
	say("link %d size %ld", S_ISLNK(a.st_mode), (long)a.st_size);
	try(stat("s", &a));
	try(unlink("missing"));
	try(unlink("s"));
	try(unlink("b"));
	try(unlink("dd/c"));
	try(rmdir("dd"));
	try(rmdir("/tmp/."));
	try(mkfifo("p", 0600));
	stat("p", &a);
	say("fifo %d", S_ISFIFO(a.st_mode));
	try(open("p", O_WRONLY | O_NONBLOCK));
	works(open("p", O_RDONLY | O_NONBLOCK));
	unlink("p");
	try(chdir("missing"));
	say("%s", getcwd(buf, sizeof(buf)));
	yes(!getcwd(buf, 3) && errno == ERANGE);
	try(chdir(".."));
	say("%s", getcwd(buf, sizeof(buf)));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void listing(void)
{
	char *found[64], name[32];
	struct dirent *e;
	int n = 0;
	DIR *d;

	start();
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "file-with-a-long-name-%02d", i);
		close(open(name, O_CREAT | O_RDWR, 0600));
	}
	mkdir("sub", 0700);
	symlink("x", "sym");
	d = opendir(".");
	while ((e = readdir(d)) && n < 64) {
		char line[300];

		snprintf(line, sizeof(line), "%s %d", e->d_name, e->d_type);
		found[n++] = strdup(line);
	}
	qsort(found, n, sizeof(*found), by_name);
	for (int i = 0; i < n; i++)
		if (i < 4 || i > n - 4)
			say("%s", found[i]);
	say("%d entries", n);
	rewinddir(d);
	while ((e = readdir(d)))
		n--;
	say("after rewind %d left", n);
	closedir(d);
	yes(!opendir("sub/none") && errno == ENOENT);
	yes(!opendir("file-with-a-long-name-00") && errno == ENOTDIR);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "file-with-a-long-name-%02d", i);
		unlink(name);
	}
	unlink("sym");
	rmdir("sub");
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		close(open(name, O_CREAT | O_RDWR, 0600));
	}
	d = opendir("."); /* removing while listing misses nothing */
	while ((e = readdir(d)))
		unlink(e->d_name);
	closedir(d);
	d = opendir(".");
	for (n = 0; (e = readdir(d)); n++)
		;
	say("%d entries", n);
}

static void attributes(void)
{
	struct timespec ts[2] = {{1000, 5}, {2000, 7}};
	struct statx sx;
	struct stat st;
	int fd;

	start();
	umask(027);
	fd = open("f", O_CREAT | O_RDWR, 0777);
	fstat(fd, &st);
	say("mode %o size %ld", st.st_mode, (long)st.st_size);
	try(chmod("f", 04711));
	try(fchmod(fd, 0600));
	stat("f", &st);
	say("mode %o", st.st_mode);
	try(chown("f", 5, 6));
	stat("f", &st);
	say("owner %d %d", st.st_uid, st.st_gid);
	try(utimensat(AT_FDCWD, "f", ts, 0));
	stat("f", &st);
	say("%ld.%ld %ld.%ld", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec,
	    st.st_mtim.tv_nsec);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = 1000000000;
	try(utimensat(AT_FDCWD, "f", ts, 0));
	try(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
	say("statx %o %d", sx.stx_mode, (int)sx.stx_size);
	try(access("f", X_OK));
	try(access("f", R_OK | W_OK));
	try(access("missing", F_OK));
	try(fstatat(AT_FDCWD, "", &st, 0));
	try(fstatat(fd, "", &st, AT_EMPTY_PATH));
	try(stat("f", NULL));
	stat("/dev/null", &st);
	say("null %d %lx", S_ISCHR(st.st_mode), (long)st.st_rdev);
	umask(022);
	unlink("f");
}

static void descriptors(void)
{
	int fd, two, pp[2], on = 1, n;

	start();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	two = dup(fd);
	write(fd, "abc", 3);
	try(lseek(two, 0, SEEK_CUR));
	try(dup2(fd, 100));
	try(dup2(fd, fd));
	try(dup2(999, 5));
	try(dup2(fd, -1));
	try(dup3(fd, 101, O_CLOEXEC));
	try(dup3(fd, fd, 0));
	try(fcntl(101, F_GETFD));
	try(fcntl(100, F_GETFD));
	try(fcntl(100, F_SETFD, FD_CLOEXEC));
	try(fcntl(100, F_GETFD));
	try(fcntl(fd, F_DUPFD, 200));
	try(fcntl(fd, F_DUPFD_CLOEXEC, 200));
	try(fcntl(201, F_GETFD));
	try(fcntl(fd, F_GETFL) & O_ACCMODE);
	try(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND));
	try((fcntl(two, F_GETFL) & (O_NONBLOCK | O_APPEND)) == (O_NONBLOCK | O_APPEND));
	try(fcntl(999, F_GETFL));
	try(fcntl(fd, 9999));
	try(close(999));
	try(close(two));
	try(close(two));
	pipe(pp);
	try(ioctl(pp[0], FIONBIO, &on));
	try((fcntl(pp[0], F_GETFL) & O_NONBLOCK) != 0);
	write(pp[1], "12345", 5);
	try(ioctl(pp[0], FIONREAD, &n));
	say("%d readable", n);
	try(ioctl(fd, TIOCGWINSZ, &n));
	try(ioctl(999, TIOCGWINSZ, &n));
	try(lseek(pp[0], 0, SEEK_SET));
	try(pread(pp[0], &n, 1, 0));
	try(close_range(150, 300, 0));
	try(fcntl(200, F_GETFD));
	unlink("f");
}

static void devices(void)
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY);
	int full = open("/dev/full", O_RDWR), rnd = open("/dev/urandom", O_RDONLY);
	char buf[64];

	try(write(null, "abc", 3));
	try(read(null, buf, 3));
	memset(buf, 1, sizeof(buf));
	try(read(zero, buf, 10));
	say("%d %d", buf[9], buf[10]);
	try(write(full, "a", 1));
	try(read(rnd, buf, 64));
	try(lseek(null, 5, SEEK_SET));
	try(isatty(null));
	try(open("/dev/missing", O_RDONLY));
}

ABI_CASES({"open", open_flags}, {"read-write", read_write}, {"names", names},
	  {"listing", listing}, {"attributes", attributes}, {"descriptors", descriptors},
	  {"devices", devices})
