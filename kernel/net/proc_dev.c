/* SPDX-License-Identifier: MIT */
/* /proc/net/dev: what each interface has carried. */
#include <nub/netdev.h>
#include <nub/proc.h>

static void gen_net_dev(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t,
		  "Inter-|   Receive                                                |  "
		  "Transmit\n face |bytes    packets errs drop fifo frame compressed "
		  "multicast|bytes    packets errs drop fifo colls carrier compressed\n");
	for (struct netdev *d = netdev_after(0); d; d = netdev_after(d->index))
		proc_emit(t,
			  "%6s: %7lu %7lu    0 %4lu    0     0          0         0 "
			  "%8lu %7lu    0 %4lu    0     0       0          0\n",
			  d->name, d->rx_bytes, d->rx_packets, d->rx_dropped, d->tx_bytes,
			  d->tx_packets, d->tx_dropped);
}

void net_proc_init(void)
{
	proc_text_add("net/dev", gen_net_dev);
}
