/* SPDX-License-Identifier: MIT */
/* Checks of a program that runs as init of a test domain and prints its findings. */
#ifndef TEST_XEN_CHECK_H
#define TEST_XEN_CHECK_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

extern unsigned check_ok, check_failed;

void check_report(bool ok, const char *file, int line, const char *what);

/* One line for each check: "ok WHAT" or "FAIL file:line WHAT (errno)". */
#define CHECK(cond) check_report((cond), __FILE__, __LINE__, #cond)
#define NAMED(name, cond) check_report((cond), __FILE__, __LINE__, name)

/* Each family of checks. */
void test_store(void);
void test_evtchn(void);
void test_grants(void);
void test_privcmd(void);
void test_hypercalls(void);
void test_mappings(void);
void test_block(void);
void test_net(void);
/* The same question after the interface's back end has been away. */
void test_net_again(void);
void test_changes(void);

/* This domain's number, from xenstore. */
int own_domid(void);
/* True when fd is readable within ms. */
bool readable(int fd, int ms);

#endif
