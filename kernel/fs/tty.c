/* SPDX-License-Identifier: MIT */
/* The console as a terminal: /dev/console, /dev/hvc0, /dev/tty, /dev/ttyS0. */
#include <nub/errno.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/string.h>
#include <nub/tty.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <asm/ioctls.h>
#include <asm/termbits.h>

#define INPUT_SIZE 1024

struct winsize_ {
	u16 rows, cols, x, y;
};

static struct termios termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B38400 | CS8 | CREAD | HUPCL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
};
static struct winsize_ winsize;
static struct waitq tty_wq = {LIST_INIT(tty_wq.waiters)};

static u8 input[INPUT_SIZE];
static u32 head, tail; /* free-running */
static u32 lines;      /* complete lines in the buffer */

static void echo(u8 c)
{
	if (!(termios.c_lflag & ECHO))
		return;
	if (c == '\n')
		console_write("\r\n", 2);
	else
		console_write((const char *)&c, 1);
}

void tty_input(u8 c)
{
	if (c == '\r' && termios.c_iflag & ICRNL)
		c = '\n';
	if (termios.c_lflag & ICANON && (c == 127 || c == 8)) {
		if (head != tail && input[(head - 1) % INPUT_SIZE] != '\n') {
			head--;
			if (termios.c_lflag & ECHO)
				console_write("\b \b", 3);
		}
		return;
	}
	if (head - tail == INPUT_SIZE)
		return;
	input[head++ % INPUT_SIZE] = c;
	echo(c);
	if (c == '\n' || c == termios.c_cc[VEOF])
		lines++;
	waitq_wake(&tty_wq, POLLIN);
}

static bool readable(void)
{
	return termios.c_lflag & ICANON ? lines > 0 : head != tail;
}

static ssize_t tty_read(struct file *f, struct uio *u, u64 *pos)
{
	ssize_t done = 0;

	while (!readable()) {
		int err;

		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = waitq_sleep(&tty_wq, NEVER);
		if (err)
			return err;
	}
	while (u->left && head != tail) {
		u8 c = input[tail % INPUT_SIZE];
		bool canon = termios.c_lflag & ICANON;

		if (canon && c == termios.c_cc[VEOF]) {
			tail++;
			lines--;
			break;
		}
		if (!uio_put(u, &c, 1))
			return done ? done : -EFAULT;
		tail++;
		done++;
		if (c == '\n') {
			lines--;
			if (canon)
				break;
		}
	}
	return done;
}

static ssize_t tty_write(struct file *f, struct uio *u, u64 *pos)
{
	ssize_t done = 0;
	char buf[256];

	while (u->left) {
		size_t want = MIN(u->left, sizeof(buf)), n = uio_get(u, buf, want);
		size_t start = 0;

		for (size_t i = 0; i < n; i++) {
			if (buf[i] != '\n' || !(termios.c_oflag & OPOST) ||
			    !(termios.c_oflag & ONLCR))
				continue;
			console_write(buf + start, i - start);
			console_write("\r\n", 2);
			start = i + 1;
		}
		console_write(buf + start, n - start);
		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
	}
	return done;
}

static unsigned tty_poll(struct file *f, struct waitq **wq)
{
	*wq = &tty_wq;
	return POLLOUT | POLLWRNORM | (readable() ? POLLIN | POLLRDNORM : 0);
}

static long tty_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	s32 pgrp = 1;

	switch (cmd) {
	case TCGETS:
		return copy_to_user((void *)arg, &termios, sizeof(termios));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return copy_from_user(&termios, (void *)arg, sizeof(termios));
	case TIOCGWINSZ:
		return copy_to_user((void *)arg, &winsize, sizeof(winsize));
	case TIOCSWINSZ:
		return copy_from_user(&winsize, (void *)arg, sizeof(winsize));
	case TIOCGPGRP:
		return put_user32((u32)pgrp, (void *)arg);
	case TIOCSPGRP:
	case TIOCSCTTY:
	case TIOCNOTTY:
		return 0;
	case FIONREAD:
		return put_user32(head - tail, (void *)arg);
	case TCFLSH:
		if (arg != TCOFLUSH)
			tail = head, lines = 0;
		return 0;
	case TCSBRK:
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_ops tty_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};

static int tty_open(struct inode *ino, struct file *f)
{
	f->ops = &tty_ops;
	return 0;
}

void tty_init(void)
{
	chrdev_register("console", 5, 1, tty_open);
	chrdev_register("tty", 5, 0, tty_open);
	chrdev_register("hvc0", 229, 0, tty_open);
	chrdev_register("ttyS0", 4, 64, tty_open);
}
