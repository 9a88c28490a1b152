/* SPDX-License-Identifier: MIT */
/* A manifest for tests: small, whole, with numbers that stay the same. */
#ifndef STUBDOM_TEST_SAMPLE_MANIFEST_H
#define STUBDOM_TEST_SAMPLE_MANIFEST_H

#define SAMPLE_MANIFEST                                                                  \
	"{\"version\":1,"                                                                \
	"\"kernels\":{\"linux\":{\"file\":\"kernel-linux\","                             \
	"\"ramdisk\":[\"root.cpio\",\"modules-linux.cpio\"],"                            \
	"\"cmdline\":\"console=hvc0\",\"disk\":\"root.disk\"},"                          \
	"\"nub\":{\"file\":\"kernel-nub\",\"ramdisk\":[\"root.cpio\"],"                  \
	"\"cmdline\":\"quiet\",\"replace\":2}},"                                         \
	"\"files\":{\"kernel-linux\":{\"bytes\":12000000,\"sha256\":\"00\"},"            \
	"\"kernel-nub\":{\"bytes\":500000,\"sha256\":\"03\"},"                           \
	"\"root.cpio\":{\"bytes\":62914560,\"sha256\":\"01\"},"                          \
	"\"root.disk\":{\"bytes\":62914560,\"sha256\":\"04\"},"                          \
	"\"modules-linux.cpio\":{\"bytes\":2097152,\"sha256\":\"02\"}},"                 \
	"\"packages\":[{\"name\":\"xen-qemu\",\"version\":\"1\",\"arch\":\"amd64\"}],"   \
	"\"qemu\":{\"path\":\"/usr/libexec/xen-qemu-system-i386\","                      \
	"\"version\":\"10.0.13\",\"version_text\":\"QEMU emulator version 10.0.13\\n\"," \
	"\"help_text\":\"usage: qemu-system-i386\\n\","                                  \
	"\"probe\":{\"greeting\":{\"QMP\":{\"version\":{},\"capabilities\":[]}},"        \
	"\"commands\":{\"query-command-line-options\":{\"return\":[{\"option\":"         \
	"\"run-with\",\"parameters\":[{\"name\":\"chroot\"},{\"name\":\"user\"}]}]},"    \
	"\"query-version\":{\"return\":{\"package\":\"p\"}}}},"                          \
	"\"schema\":[{\"name\":\"str\",\"meta-type\":\"builtin\","                       \
	"\"json-type\":\"string\"}]},"                                                   \
	"\"root\":{\"bytes\":62000000,\"files\":500}}"

#endif
