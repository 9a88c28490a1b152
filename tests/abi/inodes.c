/* SPDX-License-Identifier: MIT */
/* Properties of a file, not of its name: modes, owners, seals, programs that run it. */
#include "abi.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#define D "/tmp/abi-inodes"

static struct stat st;

static void start(void)
{
	umask(022);
	mkdir(D, 0755);
	if (chdir(D))
		say("no directory");
}

static void mode_of(const char *path)
{
	if (lstat(path, &st))
		say("%s: %s", path, strerrorname_np(errno));
	else
		say("%s: mode %o gid %d links %d", path, st.st_mode, st.st_gid,
		    S_ISDIR(st.st_mode) ? 0 : (int)st.st_nlink);
}

static int link_of(int fd, const char *to)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
}

static void nameless(void)
{
	int fd;

	start();
	close(open("f", O_CREAT | O_RDWR, 0600));
	fd = works(open(".", O_TMPFILE | O_RDWR, 0666));
	fstat(fd, &st);
	say("mode %o links %d", st.st_mode, (int)st.st_nlink);
	try(write(fd, "abc", 3));
	try(link_of(fd, "linked"));
	mode_of("linked");
	try(link_of(fd, "again"));
	unlink("linked");
	unlink("again");
	try(link_of(fd, "more"));
	close(fd);
	fd = works(open(D, O_TMPFILE | O_WRONLY | O_EXCL, 0600));
	try(link_of(fd, "ex"));
	close(fd);
	try(open("/nowhere", O_TMPFILE | O_RDWR, 0600));
	try(open("f", O_TMPFILE | O_RDWR, 0600));
	try(open("/proc", O_TMPFILE | O_RDWR, 0600));
	try(open(".", O_TMPFILE | O_CREAT | O_RDWR, 0600));
	try(open(".", O_TMPFILE | O_RDONLY, 0600));
	fd = open("f", O_RDWR);
	unlink("f");
	try(link_of(fd, "g"));
	close(fd);
}

static void groups(void)
{
	struct stat s;
	int fd;

	umask(0);
	mkdir("sg", 0755);
	chown("sg", 0, 3);
	chmod("sg", 02777);
	close(open("sg/f", O_CREAT | O_RDWR, 0644));
	mkdir("sg/d", 0755);
	mknod("sg/p", S_IFIFO | 0644, 0);
	symlink("x", "sg/l");
	mode_of("sg/f");
	mode_of("sg/d");
	mode_of("sg/p");
	mode_of("sg/l");
	fd = open("sg", O_TMPFILE | O_RDWR, 0600);
	fstat(fd, &s);
	say("%d", s.st_gid);
	close(fd);
	unlink("sg/f"), unlink("sg/p"), unlink("sg/l"), rmdir("sg/d"), rmdir("sg");

	fd = open("f", O_CREAT | O_RDWR, 0755);
	fchmod(fd, 06770);
	try(chown("f", 0, 0));
	mode_of("f");
	fchmod(fd, 06777);
	try(fchown(fd, -1, -1));
	mode_of("f");
	fchmod(fd, 06747);
	try(fchownat(AT_FDCWD, "f", 0, 0, AT_SYMLINK_NOFOLLOW));
	mode_of("f");
	fchmod(fd, 06777);
	try(write(fd, "x", 1));
	mode_of("f");
	close(fd);
	unlink("f");
	mkdir("d", 0755);
	chmod("d", 06770);
	chown("d", 0, 0);
	mode_of("d");
	rmdir("d");
}

static void copy_self(const char *to)
{
	static char buf[65536];
	int in = open("/proc/self/exe", O_RDONLY),
	    out = open(to, O_CREAT | O_WRONLY, 0755);
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		write(out, buf, (size_t)n);
	close(in);
	close(out);
}

static void busy(void)
{
	char *argv[] = {"prog", "sleep", NULL};
	int p[2], fd, pid, w;
	char b;

	copy_self("prog");
	pipe2(p, O_CLOEXEC);
	pid = fork();
	if (!pid) {
		execv("prog", argv);
		_exit(1);
	}
	close(p[1]);
	read(p[0], &b, 1); /* closed by exec */
	close(p[0]);
	try(open("prog", O_WRONLY));
	try(open("prog", O_RDWR | O_TRUNC));
	try(truncate("prog", 0));
	works(close(open("prog", O_RDONLY)));
	kill(pid, SIGKILL);
	waitpid(pid, &w, 0);
	fd = works(open("prog", O_WRONLY));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execv("prog", argv);
		say("%s", strerrorname_np(errno));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &w, 0);
	say("status %x", w);
	close(fd);
	unlink("prog");
}

static void seals(void)
{
	int m = memfd_create("m", MFD_ALLOW_SEALING), plain;
	char *p, *q;

	ftruncate(m, 8192);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	try(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(p, 4096);
	q = mmap(NULL, 4096, PROT_READ, MAP_SHARED, m, 0);
	try(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(q, 4096);
	q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, m, 0);
	try(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
	try(fcntl(m, F_GET_SEALS));
	try(write(m, "x", 1));
	try(fallocate(m, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	try(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, m, 0);
	try(mprotect(p, 4096, PROT_READ | PROT_WRITE));
	munmap(p, 4096);
	munmap(q, 4096);
	try(fcntl(m, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
	try(ftruncate(m, 16384));
	try(ftruncate(m, 0));
	try(fallocate(m, 0, 0, 16384));
	try(fallocate(m, FALLOC_FL_KEEP_SIZE, 0, 16384));
	try(fcntl(m, F_ADD_SEALS, 0x8000));
	try(fcntl(m, F_ADD_SEALS, F_SEAL_SEAL));
	try(fcntl(m, F_ADD_SEALS, F_SEAL_GROW));
	close(m);
	m = memfd_create("m", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	ftruncate(m, 4096);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	try(fcntl(m, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	*p = 1;
	try(pwrite(m, "x", 1, 0));
	try(fallocate(m, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	munmap(p, 4096);
	try(fcntl(m, F_ADD_SEALS, F_SEAL_EXEC));
	try(fcntl(m, F_GET_SEALS));
	try(fchmod(m, 0600));
	close(m);
	m = memfd_create("m", MFD_NOEXEC_SEAL);
	fstat(m, &st);
	say("%o", st.st_mode);
	try(fcntl(m, F_GET_SEALS));
	try(fchmod(m, 0755));
	try(fchmod(m, 0600));
	close(m);
	m = memfd_create("m", 0);
	try(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
	close(m);
	try(memfd_create("m", MFD_EXEC | MFD_NOEXEC_SEAL));
	try(memfd_create("m", 0x1000));
	m = memfd_create("m", MFD_EXEC);
	fstat(m, &st);
	say("%o", st.st_mode);
	close(m);
	plain = open("f", O_CREAT | O_RDWR, 0600);
	try(fcntl(open(D, O_RDONLY), F_GET_SEALS));
	close(plain);
	unlink("f");
}

static void zeroes(void)
{
	int ro = open("/dev/zero", O_RDONLY), rw = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0);

	yes(p != MAP_FAILED && !p[0] && !p[8191]);
	fflush(stdout);
	if (p != MAP_FAILED && !fork()) {
		p[5000] = 7;
		_exit(0);
	}
	wait(NULL);
	say("%d", p[5000]);
	munmap(p, 8192);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 0);
	yes(p != MAP_FAILED && !p[0]);
	try(mprotect(p, 4096, PROT_READ | PROT_WRITE));
	munmap(p, 4096);
	try(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0));
	close(ro);
	close(rw);
}

static void *unshare_range(void *arg)
{
	int err = (int)syscall(SYS_close_range, 20, 30, CLOSE_RANGE_UNSHARE);

	*(int *)arg = err || fcntl(25, F_GETFD) != -1 || fcntl(1, F_GETFD) == -1;
	dup2(1, 33);
	return NULL;
}

static void *own_files(void *arg)
{
	*(int *)arg = fcntl(25, F_GETFD);
	return NULL;
}

static void unshared(void)
{
	pthread_t t;
	int r = -1;

	dup2(1, 25);
	pthread_create(&t, NULL, unshare_range, &r);
	pthread_join(t, NULL);
	say("%d", r);
	try(fcntl(25, F_GETFD));
	try(fcntl(33, F_GETFD));
	pthread_create(&t, NULL, own_files, &r);
	pthread_join(t, NULL);
	say("%d", r);
	try(syscall(SYS_close_range, 20, 30, CLOSE_RANGE_CLOEXEC));
	try(fcntl(25, F_GETFD));
	try(syscall(SYS_close_range, 20, 30, 0));
	try(fcntl(25, F_GETFD));
	try(syscall(SYS_close_range, 20, 30, 8));
	try(syscall(SYS_close_range, 30, 20, 0));
	chdir("/");
	rmdir(D);
}

int main(int argc, char **argv)
{
	static const struct abi_case cases[] = {
		{"nameless", nameless}, {"groups", groups}, {"busy", busy},
		{"seals", seals},	{"zeroes", zeroes}, {"unshared", unshared},
	};

	if (argc > 1 && !strcmp(argv[1], "sleep")) {
		pause();
		return 0;
	}
	return abi_main(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
}
