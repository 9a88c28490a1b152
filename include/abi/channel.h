/* SPDX-License-Identifier: MIT */
/* The channel contract: byte streams between QEMU and dom0 over libxenvchan. */
#ifndef STUBDOM_ABI_CHANNEL_H
#define STUBDOM_ABI_CHANNEL_H

/*
 * The agent is the libxenvchan server of every channel, at this xenstore path relative to
 * the stub domain, followed by the channel's name.  A channel carries one connection at a
 * time, raw bytes, no framing:
 *
 *  - dom0 opens the vchan: the agent connects to QEMU's unix socket and pumps both ways.
 *  - dom0 closes it: the agent closes the socket and offers a fresh server (new ring-ref
 *    and event-channel) for the next connection.
 *  - QEMU closes the socket: the agent closes the vchan.
 *
 * Three kinds have rules of their own:
 *
 *  - A serial or parallel channel is connected to QEMU from the start.  Bytes from before
 *    dom0 attaches are kept, up to the ring's size; a full ring holds QEMU back.
 *  - A save channel's path is a file that QEMU writes (xen-save-devices-state,
 *    screendump …).  dom0 opens the vchan after QEMU's command has returned.  It gets the
 *    file's length in eight bytes, little endian, the file, and then the end of the
 *    stream.  The agent removes the file when dom0 has it.
 *  - A restore channel is connected to QEMU from the start.  It carries the saved state
 *    to QEMU once.  Then dom0 closes it and opens it no more.
 */
#define STUBDOM_XS_CHANNEL "data/channel"
#define STUBDOM_CHANNEL_NAME_MAX 63 /* [A-Za-z0-9_-]: xenstore has no '.' */
#define STUBDOM_CHANNELS_MAX 64

/* The directory in the stub domain for the unix sockets that QEMU listens on. */
#define STUBDOM_SOCKET_DIR "/run/stubdom"

/*
 * Kind, name, and the bytes of the rings from dom0 and to dom0.  A full ring holds its
 * writer back.  dom0 refuses larger ones.  libxenvchan makes 2048 of less.
 */
#define STUBDOM_CHANNEL_KINDS(X)                                                         \
	X(QMP, "qmp", 4096, 16384)                                                       \
	X(HMP, "hmp", 2048, 16384)                                                       \
	X(SERIAL, "serial", 4096, 65536)                                                 \
	X(PARALLEL, "parallel", 2048, 65536)                                             \
	X(VNC, "vnc", 16384, 262144)                                                     \
	X(SAVE, "save", 2048, 1048576)                                                   \
	X(RESTORE, "restore", 1048576, 2048)

enum stubdom_channel_kind {
#define X(id, name, from_dom0, to_dom0) STUBDOM_CHANNEL_##id,
	STUBDOM_CHANNEL_KINDS(X)
#undef X
};

#endif
