/* SPDX-License-Identifier: MIT */
/* A small schema in QEMU's form, of each meta-type something; compiled for a test. */
#ifndef STUBDOM_TEST_SAMPLE_SCHEMA_H
#define STUBDOM_TEST_SAMPLE_SCHEMA_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "relay/qmp/schema.h"

#define BUILTIN(name, type)                                                              \
	"{\"name\":\"" name "\",\"meta-type\":\"builtin\",\"json-type\":\"" type "\"},"
#define COMMAND(name, of)                                                                \
	"{\"name\":\"" name "\",\"meta-type\":\"command\",\"ret-type\":\"" of "\"},"
#define EVENT(name, of)                                                                  \
	"{\"name\":\"" name "\",\"meta-type\":\"event\",\"arg-type\":\"" of "\"},"
#define ARRAY(name, of)                                                                  \
	"{\"name\":\"" name "\",\"meta-type\":\"array\",\"element-type\":\"" of "\"},"
#define OBJECT(name, members)                                                            \
	"{\"name\":\"" name "\",\"meta-type\":\"object\",\"members\":[" members "]},"
#define MEMBER(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"
#define OPTIONAL(name, type)                                                             \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"default\":null}"

static const char sample_schema[] = "[" BUILTIN("str", "string") BUILTIN("int", "int")
	BUILTIN("bool", "boolean") BUILTIN("any", "value") BUILTIN("null", "null")
		BUILTIN("number", "number") OBJECT("0", "") COMMAND(
			"qmp_capabilities", "0") COMMAND("cont", "0") COMMAND("stop", "0")
			COMMAND("eject", "0") COMMAND("blockdev-change-medium",
						      "0") COMMAND("block_resize", "0")
				COMMAND("blockdev-snapshot-internal-sync", "0") COMMAND(
					"blockdev-add",
					"0") COMMAND("blockdev-del",
						     "0") COMMAND("xen-save-devices-state", "0") COMMAND("screendump", "0") COMMAND("pmemsave", "0") COMMAND("human-monitor-command", "str") COMMAND("qom-get", "any") COMMAND("numbers", "[any]") ARRAY("[any]", "any") "{\"name\":\"state\",\"meta-type\":\"enum\",\"values\":[\"running\",\"paused\"]}," OBJECT("status",
																																												   MEMBER("status",
																																													  "state") "," MEMBER("running", "bool")) COMMAND("query-status",
																																																			  "status") OBJECT("address",
																																																					   MEMBER("host", "str") "," MEMBER(
																																																						   "service", "str") "," MEMBER("family", "str") "," MEMBER("websocket", "bool")) ARRAY("[address]",
																																																																	"address") OBJECT("vnc", MEMBER("enabled", "bool") "," OPTIONAL("host",
																																																																									"str") "," OPTIONAL("family",
																																																																											    "str") "," OPTIONAL("service", "str") "," OPTIONAL("auth", "str") "," OPTIONAL("clients", "[address]")) COMMAND("query-vnc", "vnc") OBJECT("vnc-event", MEMBER("server", "address") "," MEMBER("client", "address")) EVENT("VNC_CONNECTED",
																																																																																																						       "vnc-event") OBJECT("chardev", MEMBER("label",
																																																																																																											     "str") "," MEMBER("filename", "str")) ARRAY("[chardev]",
																																																																																																																	 "chardev") COMMAND("query-chardev", "[chardev]") OBJECT("node", OPTIONAL("node-name", "str") "," MEMBER("file",
																																																																																																																														 "str") "," OPTIONAL("backing_file",
																																																																																																																																     "str") "," OPTIONAL("tls",
																																																																																																																																			 "StrOrNull")) "{\"name\":\"StrOrNull\",\"meta-type\":\"alternate\",\"members\":"
																																																																																																																																				       "[{\"type\":\"str\"},{\"type\":\"null\"}]}," ARRAY("[node]", "node") COMMAND(
																																																																																																																																					       "query-named-block-nodes", "[node]") "{\"name\":\"target\",\"meta-type\":\"enum\",\"values\":[\"x86\",\"s390\"]},"
																																																																																																																																										    "{\"name\":\"cpu\",\"meta-type\":\"object\",\"tag\":\"target\",\"members\":[" MEMBER("cpu-index", "int") "," MEMBER(
																																																																																																																																											    "qom-path",
																																																																																																																																											    "str") "," MEMBER("thread-id", "int") "," MEMBER("target", "target") "],\"variants\":[{\"case\":\"s390\",\"type\":\"s390\"}]}," OBJECT("s390",
																																																																																																																																																												   MEMBER("cpu-state",
																																																																																																																																																													  "state"))
																																																																																																																																											    ARRAY("[cpu]", "cpu") COMMAND("query-cpus-fast", "[cpu]") EVENT("RESUME", "0") EVENT(
																																																																																																																																												    "STOP",
																																																																																																																																												    "0") OBJECT("deleted", OPTIONAL("device",
																																																																																																																																																    "str") "," MEMBER("path",
																																																																																																																																																		      "str"))
																																																																																																																																												    COMMAND("device_add", "0") COMMAND("query-pci",
																																																																																																																																																       "[any]")
	/* The last: without a comma behind it. */
	EVENT("DEVICE_DELETED",
	      "deleted") "{\"name\":\"x-stats\",\"meta-type\":\"command\",\"ret-type\":\"number\"}]";

#undef BUILTIN
#undef COMMAND
#undef EVENT
#undef ARRAY
#undef OBJECT
#undef MEMBER
#undef OPTIONAL

static inline struct qmp_schema sample_schema_load(void)
{
	json_t *entries = json_loads(sample_schema, 0, NULL);
	struct qmp_schema schema;
	struct err err;

	if (!entries || qmp_schema_load(entries, &schema, &err) < 0)
		abort();
	json_decref(entries);
	return schema;
}

#endif
