/* SPDX-License-Identifier: MIT */
/* The doctor on trees of files that stand for hosts. */
#include "unit.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"

static char root[64];

static void put(const char *path, const char *text)
{
	char where[512];
	FILE *f;

	snprintf(where, sizeof(where), "%s%s", root, path);
	for (char *slash = where + strlen(root) + 1; (slash = strchr(slash, '/'));
	     slash++) {
		*slash = '\0';
		mkdir(where, 0755);
		*slash = '/';
	}
	f = fopen(where, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(where, 0755), 0);
}

/* A host on which nothing is amiss. */
static int make_host(void **state)
{
	strcpy(root, "/tmp/stubdom-doctor-XXXXXX");
	assert_non_null(mkdtemp(root));
	put("/sys/hypervisor/type", "xen\n");
	put("/sys/hypervisor/version/major", "4\n");
	put("/sys/hypervisor/version/minor", "20\n");
	put("/sys/hypervisor/version/extra", ".4\n");
	put("/proc/xen/capabilities", "control_d\n");
	put("/dev/xen/privcmd", "");
	put("/dev/xen/evtchn", "");
	put("/dev/xen/gntdev", "");
	put("/dev/loop-control", "");
	put("/sys/bus/xen-backend/drivers/vbd/x", "");
	put("/sys/bus/xen-backend/drivers/vif/x", "");
	put("/bin/stubdom-dm", "");
	put("/conf/stubdom.conf", "");
	put("/image/kernel", "12345");
	put("/image/manifest.json",
	    "{\"version\": 1, \"files\": {\"kernel\": {\"bytes\": 5, \"sha256\": "
	    "\"0123456789012345678901234567890123456789012345678901234567890123\"}},"
	    "\"qemu\": {\"version\": \"8.1.0\"},"
	    "\"kernels\": {\"linux\": {\"release\": \"6.12.10-amd64\"}}}");
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int remove_host(void **state)
{
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct doctor_report examine(void)
{
	const struct doctor_host host = {.root = root,
					 .image = "/image",
					 .conf = "/conf",
					 .launcher = "/bin/stubdom-dm"};
	struct doctor_report report;

	assert_int_equal(doctor_run(&host, &report), 0);
	return report;
}

/* The text of a check that is not happy: "status text" of the first such finding. */
static void expect(const char *check, enum doctor_status status, const char *says)
{
	struct doctor_report report = examine();
	bool found = false;

	for (size_t i = 0; i < report.n; i++) {
		const struct doctor_finding *f = &report.findings[i];

		if (strcmp(f->check, check) == 0 && f->status == status &&
		    strstr(f->text, says)) {
			found = true;
			/* A fault has a remedy. */
			if (status >= DOCTOR_WARN)
				assert_string_not_equal(f->remedy, "");
		}
	}
	if (!found)
		fail_msg("no finding of '%s' with status %s says '%s'", check,
			 doctor_status_name(status), says);
	doctor_report_free(&report);
}

static void test_healthy(void **state)
{
	struct doctor_report report = examine();

	for (size_t i = 0; i < report.n; i++)
		if (report.findings[i].status != DOCTOR_OK)
			fail_msg("%s: %s", report.findings[i].check,
				 report.findings[i].text);
	assert_true(report.n >= 7);
	assert_int_equal(doctor_worst(&report), DOCTOR_OK);
	doctor_report_free(&report);
}

static void test_no_xen(void **state)
{
	put("/sys/hypervisor/type", "kvm\n");
	expect("xen", DOCTOR_FAIL, "does not run under Xen");
}

static void test_old_xen(void **state)
{
	put("/sys/hypervisor/version/minor", "17\n");
	expect("xen", DOCTOR_WARN, "Xen 4.17: a PVH stub domain cannot");
}

static void test_fixes(void **state)
{
	put("/sys/hypervisor/version/extra", ".3\n");
	expect("fixes", DOCTOR_WARN,
	       "Xen 4.20.3 is from before the fix of XSA-506: a device");
	expect("fixes", DOCTOR_WARN, "XSA-491");
	/* As Debian spells it, without and with its own version. */
	put("/sys/hypervisor/version/extra", ".4-pre\n");
	expect("fixes", DOCTOR_NOTE, "does not tell whether it has the fix of XSA-506");
	put("/sys/hypervisor/compilation/compiled_by", "x (4.20.3+124-gabcdef0123-1)\n");
	expect("fixes", DOCTOR_WARN, "before the fix of XSA-506");
	put("/sys/hypervisor/compilation/compiled_by", "x (4.20.3+125-gabcdef0123-1)\n");
	expect("fixes", DOCTOR_OK, "has the fixes");
	put("/sys/hypervisor/compilation/compiled_by", "\n");
	put("/sys/hypervisor/version/extra", ".5-pre\n");
	expect("fixes", DOCTOR_OK, "has the fixes");
	put("/sys/hypervisor/version/minor", "21\n");
	put("/sys/hypervisor/version/extra", ".1\n");
	expect("fixes", DOCTOR_WARN, "Xen 4.21.1 is from before");
	put("/sys/hypervisor/version/minor", "22\n");
	put("/sys/hypervisor/version/extra", ".0\n");
	expect("fixes", DOCTOR_OK, "has the fixes");
	put("/sys/hypervisor/version/minor", "23\n");
	put("/sys/hypervisor/version/extra", "-unstable\n");
	expect("fixes", DOCTOR_NOTE, "does not say which");
	put("/sys/hypervisor/version/minor", "18\n");
	expect("fixes", DOCTOR_NOTE, "does not say which");
}

static void test_not_dom0(void **state)
{
	put("/proc/xen/capabilities", "\n");
	expect("dom0", DOCTOR_FAIL, "not the control domain");
}

static void test_no_device(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/dev/xen/gntdev", root);
	unlink(path);
	expect("devices", DOCTOR_FAIL, "/dev/xen/gntdev: No such file");
}

static void test_permissive(void **state)
{
	put("/sys/bus/pci/drivers/pciback/permissive", "0000:01:00.0\n0000:02:00.1\n");
	expect("pci", DOCTOR_WARN, "0000:01:00.0 is permissive");
	expect("pci", DOCTOR_WARN, "0000:02:00.1 is permissive");
}

static void test_image(void **state)
{
	put("/image/kernel", "123456");
	expect("image", DOCTOR_FAIL, "6 bytes, the manifest says 5");
	put("/image/manifest.json", "{");
	expect("image", DOCTOR_FAIL, "manifest.json");
}

static void test_writable(void **state)
{
	char path[128];

	put("/conf/guests/s1.conf", "");
	snprintf(path, sizeof(path), "%s/conf/guests/s1.conf", root);
	assert_int_equal(chmod(path, 0666), 0);
	expect("permissions", DOCTOR_FAIL, "/conf/guests/s1.conf: others than root");
}

static void test_open_monitors(void **state)
{
	char path[128];

	put("/run/qemu-stubdom/5/qmp", "");
	snprintf(path, sizeof(path), "%s/run/qemu-stubdom", root);
	assert_int_equal(chmod(path, 0755), 0);
	expect("permissions", DOCTOR_FAIL, "can reach the monitors");
}

static void test_config(void **state)
{
	put("/conf/guests/s1.conf", "memory = lots\n");
	expect("config", DOCTOR_FAIL, "/conf/guests/s1.conf:1: memory: 'lots' is not");
	put("/conf/stubdom.conf", "colour = red\n");
	expect("config", DOCTOR_FAIL, "/conf/stubdom.conf:1: 'colour' is no option");
}

static void test_bugs(void **state)
{
	put("/image/manifest.json",
	    "{\"version\": 1, \"files\": {\"kernel\": {\"bytes\": 5, \"sha256\": "
	    "\"0123456789012345678901234567890123456789012345678901234567890123\"}},"
	    "\"qemu\": {\"version\": \"7.2.0\"},"
	    "\"kernels\": {\"linux\": {\"release\": \"6.12.86+deb13-amd64\"}}}");
	expect("bugs", DOCTOR_NOTE, "XSA-482");
	expect("bugs", DOCTOR_WARN, "the image's QEMU 7.2.0");
}

#define HOST_TEST(f) cmocka_unit_test_setup_teardown(f, make_host, remove_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_healthy),    HOST_TEST(test_no_xen),
		HOST_TEST(test_old_xen),    HOST_TEST(test_not_dom0),
		HOST_TEST(test_fixes),	    HOST_TEST(test_no_device),
		HOST_TEST(test_permissive), HOST_TEST(test_image),
		HOST_TEST(test_writable),   HOST_TEST(test_open_monitors),
		HOST_TEST(test_bugs),	    HOST_TEST(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
