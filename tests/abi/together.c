/* SPDX-License-Identifier: MIT */
/* Several at one file: nothing is lost and nothing is mixed. The counts must be exact. */
#include "abi.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define F "/tmp/abi-together"
#define WRITERS 3
#define WRITES 12000
#define RECORDS 6000
#define PIECES 700

static char record[60000];

static int fresh(int flags)
{
	unlink(F);
	return open(F, O_CREAT | O_EXCL | O_RDWR | flags, 0600);
}

static long size_of(int fd)
{
	struct stat st;

	fstat(fd, &st);
	return st.st_size;
}

static void children(int n, void (*run)(int who, int fd), int fd)
{
	fflush(stdout);
	for (int i = 0; i < n; i++) {
		if (fork())
			continue;
		run(i, fd);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

static void write_bytes(int who, int fd)
{
	for (int i = 0; i < WRITES; i++)
		write(fd, "abc" + who, 1);
}

static void one_position(void)
{
	int fd = fresh(0);

	children(WRITERS, write_bytes, fd);
	say("%ld of %d bytes", size_of(fd), WRITERS * WRITES);
	say("position %ld", (long)lseek(fd, 0, SEEK_CUR));
	close(fd);
}

static int *seen;

/* Each byte of the file is its number: a reader of it counts it. */
static void read_numbers(int who, int fd)
{
	unsigned short number;

	while (read(fd, &number, sizeof(number)) == sizeof(number))
		__atomic_fetch_add(&seen[number], 1, __ATOMIC_RELAXED);
}

static void one_position_read(void)
{
	int fd = fresh(0), once = 0;

	seen = mmap(NULL, 65536 * sizeof(int), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned short number = (unsigned short)i;

		write(fd, &number, sizeof(number));
	}
	lseek(fd, 0, SEEK_SET);
	children(WRITERS, read_numbers, fd);
	for (unsigned i = 0; i < 20000; i++)
		once += seen[i] == 1;
	say("%d numbers read once", once);
	munmap(seen, 65536 * sizeof(int));
	close(fd);
}

static size_t record_size;

static void write_records(int who, int fd)
{
	int own = open(F, O_WRONLY | O_APPEND);

	memset(record, 'A' + who, record_size);
	for (size_t i = 0; i < RECORDS / (record_size / 100 + 1); i++)
		if (write(own, record, record_size) != (ssize_t)record_size)
			_exit(1);
}

static void append(void)
{
	for (record_size = 100; record_size <= sizeof(record);
	     record_size = record_size == 100 ? 6000 : record_size * 10) {
		size_t each = RECORDS / (record_size / 100 + 1);
		int fd = fresh(0), mixed = 0, count = 0;

		children(2, write_records, fd);
		while (read(fd, record, record_size) == (ssize_t)record_size) {
			count++;
			for (size_t k = 1; k < record_size; k++) {
				if (record[k] == record[0])
					continue;
				mixed++;
				break;
			}
		}
		say("records of %zu: %d of %zu, %d mixed, %ld bytes", record_size, count,
		    2 * each, mixed, size_of(fd));
		close(fd);
	}
}

static void copy_pieces(int who, int fd)
{
	int from = open("/tmp/abi-from", O_RDONLY);

	for (int i = 0; i < 2000; i++) {
		off_t off = 0;

		if (who)
			sendfile(fd, from, &off, 7);
		else
			copy_file_range(from, &off, fd, NULL, 7, 0);
	}
}

static void copies(void)
{
	int fd = fresh(0), from = open("/tmp/abi-from", O_CREAT | O_TRUNC | O_RDWR, 0600);
	char line[8] = "";
	int whole = 0;

	write(from, "0123456", 7);
	children(1, copy_pieces, fd);
	lseek(fd, 0, SEEK_SET);
	while (read(fd, line, 7) == 7)
		whole += !strcmp(line, "0123456");
	say("%d pieces", whole);
	unlink("/tmp/abi-from");
	close(from);
	close(fd);
	unlink(F);
}

static void write_pieces(int who, int fd)
{
	char piece[PIPE_BUF];

	memset(piece, 'A' + who, sizeof(piece));
	for (int i = 0; i < PIECES; i++)
		if (write(fd, piece, sizeof(piece)) != sizeof(piece))
			_exit(1);
}

/* A pipe takes PIPE_BUF bytes whole, from however many. */
static void into_a_pipe(void)
{
	int p[2], counts[WRITERS] = {0}, mixed = 0;
	char piece[PIPE_BUF];
	FILE *f;

	pipe(p);
	fflush(stdout);
	for (int i = 0; i < WRITERS; i++) {
		if (fork())
			continue;
		write_pieces(i, p[1]);
		_exit(0);
	}
	close(p[1]);
	f = fdopen(p[0], "r");
	while (fread(piece, sizeof(piece), 1, f) == 1) {
		size_t k = 1;

		while (k < sizeof(piece) && piece[k] == piece[0])
			k++;
		mixed += k < sizeof(piece);
		counts[piece[0] - 'A']++;
	}
	fclose(f);
	while (wait(NULL) > 0)
		;
	say("%d %d %d, %d mixed", counts[0], counts[1], counts[2], mixed);
}

ABI_CASES({"one position, writing", one_position},
	  {"one position, reading", one_position_read}, {"append", append},
	  {"copies", copies}, {"into a pipe", into_a_pipe})
