/* SPDX-License-Identifier: MIT */
/* Locks that are held over a sleep or a sched_point(). */
#ifndef NUB_MUTEX_H
#define NUB_MUTEX_H

#include <nub/types.h>

/* All zero: free. Two bytes, because every inode and open file has one. */
struct mutex {
	bool held;
	bool wanted; /* somebody waits in mutex_wait() */
};

/* Sleeps until the holder hands it over; signals do not end the sleep. */
void mutex_wait(struct mutex *m);
void mutex_hand_over(struct mutex *m);

static inline void mutex_lock(struct mutex *m)
{
	if (unlikely(m->held))
		mutex_wait(m);
	else
		m->held = true;
}

static inline void mutex_unlock(struct mutex *m)
{
	if (unlikely(m->wanted))
		mutex_hand_over(m);
	else
		m->held = false;
}

#endif
