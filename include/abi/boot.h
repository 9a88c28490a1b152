/* SPDX-License-Identifier: MIT */
/* The boot contract, from the launcher in dom0 to the agent in the stub domain. */
#ifndef STUBDOM_ABI_BOOT_H
#define STUBDOM_ABI_BOOT_H

/*
 * One JSON object, in a file of this name at the top of the stub domain's
 * ramdisk.  It is in the ramdisk and not in xenstore because a QEMU command
 * line may be longer than a xenstore payload (XENSTORE_PAYLOAD_MAX, 4096).
 *
 *   version   integer, STUBDOM_BOOT_VERSION; any other is an error
 *   guest     { domid, name }
 *   qemu      { path, argv[] }: complete, in the stub domain's own terms
 *   disks     [ { dev, readonly } ]: PV disks to wait for as /dev/<dev>
 *   nics      [ { tap, xenif, mac, mtu } ]: emulated NICs' taps; xenif is the
 *             devid of the stub domain's own PV interface
 *   topology  [ line ]: statements of the topology language; absent: each tap
 *             is wired straight to its xenif
 *   channels  [ { name, kind, path } ]: see channel.h
 *
 * Unknown keys are ignored, so that version 1 can grow.
 */
#define STUBDOM_BOOT_VERSION 1
#define STUBDOM_BOOT_FILE "boot.json"

/*
 * The agent's reports: nodes of xenstore, relative to the stub domain's own path.  `data`
 * is the one directory below it that libxl makes writable for a guest.
 */
#define STUBDOM_XS_STAGE "data/stubdom/stage" /* one of the names below */
#define STUBDOM_XS_ERROR "data/stubdom/error" /* "stage: what: why", one line */
#define STUBDOM_XS_EXIT "data/stubdom/exit"   /* "exit N" or "signal N": QEMU's end */
/* The latest error of a disk, one line; "" or missing: none since the guest went on. */
#define STUBDOM_XS_IO_ERROR "data/stubdom/io-error"

/*
 * The launcher writes here: QEMU ends, the power goes off.  With any text but _NOW its
 * writes are flushed.  With _NOW the guest has another QEMU already.  This one ends without
 * a last touch of the guest's interrupt lines.  Its ioreq server goes.  A toolstack's own
 * orders (control/shutdown) do not reach the stub domain.
 */
#define STUBDOM_XS_END "control/stubdom-end"
#define STUBDOM_END_NOW "now"

/*
 * Of a stub domain that is to take over a guest from another.  QEMU says `running` first,
 * and then has Xen give it the guest's requests.  nub holds that back until the launcher
 * makes _TAKE, which nub can write to.  nub writes _TAKE_MINE there: the guest is its own
 * from then on.  It has Xen give it the requests, and then writes _TAKEN.  The launcher takes
 * its word back by taking away the right to write: what the node says then stands.
 * Another order of words gets another MANIFEST_REPLACE (lib/manifest.h).
 */
#define STUBDOM_XS_TAKE "control/stubdom-take"
#define STUBDOM_TAKE_MINE "mine"
#define STUBDOM_XS_TAKEN "data/stubdom/taken"

/*
 * The stub domain's state, for a tool in dom0 that asks.  Only dom0 can write to _ASK.  The
 * tool writes a number of its own there, and the agent answers in this order:
 *
 *   _IF/<interface>  one node for each interface of the topology language
 *   _MEMORY          "total=KIB available=KIB", from its kernel's /proc/meminfo
 *   _ANSWER          the number: the answer is complete
 *
 * The node of an interface has "KEY=VALUE" words:
 *
 *   ask=NUMBER up=0|1 link=0|1 mtu=BYTES bridge=NAME
 *   rx=BYTES,FRAMES,DROPPED tx=BYTES,FRAMES,DROPPED
 *
 * bridge= is empty for an interface in no bridge.  rx counts what came into the interface
 * from outside, from the guest for a tap.  A node with another number is of an interface
 * that is gone.
 */
#define STUBDOM_XS_ASK "control/stubdom-ask"
#define STUBDOM_XS_IF "data/stubdom-live/if"
#define STUBDOM_XS_MEMORY "data/stubdom-live/memory"
#define STUBDOM_XS_ANSWER "data/stubdom-live/answer"

#define STUBDOM_STAGE_BOOT "boot"
#define STUBDOM_STAGE_DISKS "disks"
#define STUBDOM_STAGE_NET "net"
#define STUBDOM_STAGE_QEMU "qemu"
#define STUBDOM_STAGE_CHANNELS "channels"
#define STUBDOM_STAGE_INCOMING "incoming" /* with a restore channel: QEMU listens */
#define STUBDOM_STAGE_RUNNING "running"
#define STUBDOM_STAGE_EXITED "exited"

/* The disk with the image's root: kernel/include/nub/ondisk.h, image/stubimage/rootdisk.py.
 * It is not the guest's: no other disk gets this name, the last that there is. */
#define STUBDOM_ROOT_DISK "xvdzz"

/* The files of a direct-boot guest in the ramdisk. */
#define STUBDOM_BOOT_KERNEL "boot/kernel"
#define STUBDOM_BOOT_INITRD "boot/initrd"

#endif
