/* SPDX-License-Identifier: MIT */
/* A QEMU that lies: wrong answers of every kind to the QMP questions of dom0's tools. */
#ifndef TESTS_HOSTILE_LIES_H
#define TESTS_HOSTILE_LIES_H

#include "evil.h"

/*
 * Each a byte that dom0 writes to the channel evil-lies, which answers with that byte and
 * a newline.  The letter behind "evil-lies-" in its name is the first one.
 */
enum lie {
	LIE_NAMES = 'n', /* right in form; every name is one of dom0's */
	LIE_EVENT = 'e', /* the same, and the answer is an event, too */
	LIE_QMP = 'q',	 /* ... a greeting, too */
	LIE_BOTH = 'b',	 /* ... an error, too */
	LIE_IDS = 'i',	 /* the answer to another command */
	LIE_TYPES = 't', /* numbers for strings, strings for numbers, lists for objects */
	LIE_HUGE = 'h',	 /* numbers that no integer holds, or just */
	LIE_CONTROL = 'c',  /* control characters in each string */
	LIE_EXTRA = 'x',    /* members that nobody asked for, in each object */
	LIE_TWICE = 'd',    /* two answers to one command */
	LIE_GREETING = 'g', /* greets again before each answer */
	LIE_ERROR = 'w',    /* errors of a class and a text of its own */
	LIE_LONG = 'l',	    /* strings of 100 KB */
};

/* Every QMP channel is to lie from now on. */
void lies_begin(const char *channel);
bool lies_wanted(void);

/* struct evil's `act`: of the channel evil-lies, and of the QMP channels. */
int lies_choose(struct evil *evil);
int lies_tell(struct evil *evil);

/* A new connection. */
void lies_offered(struct evil *evil);

#endif
