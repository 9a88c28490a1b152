/* SPDX-License-Identifier: MIT */
#include "xvd.h"

#include "unit.h"

static void names(void **state)
{
	static const struct {
		unsigned i;
		const char *name;
		int devid; /* Xen, docs/man/xen-vbd-interface.7 */
	} known[] = {
		{0, "xvda", 51712},	   {1, "xvdb", 51728},
		{15, "xvdp", 51952},	   {16, "xvdq", 268439552},
		{25, "xvdz", 268441856},   {26, "xvdaa", 268442112},
		{51, "xvdaz", 268448512},  {52, "xvdba", 268448768},
		{701, "xvdzz", 268614912},
	};
	char name[XVD_NAME_SIZE];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		xvd_name(known[i].i, name);
		assert_string_equal(name, known[i].name);
		assert_int_equal(xvd_devid(name), known[i].devid);
	}
}

static void no_names(void **state)
{
	static const char *const texts[] = {"",	    "xvd",    "xvd1", "xvda1",
					    "xvdA", "xvdaaa", "hda"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(xvd_devid(texts[i]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
