// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cxx.h"
#include "lib/util.h"

#define MAP                                                                                                      \
	"_Z1gRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt6vectorIPKcSaIS9_EESt3mapIS4_iSt4lessIS4_E" \
	"SaISt4pairIS5_iEEE"

struct row {
	const char *want, *mangled;
	unsigned fit;
};

static const struct row rows[] = {
	{"ns::Shop::price(int) const", "_ZNK2ns4Shop5priceEi", CXX_FIT_EXACT},
	{"ns::Shop::price(int)", "_ZNK2ns4Shop5priceEi", 5},
	{"Shop::price(int)", "_ZNK2ns4Shop5priceEi", 3},
	{"Shop::price( int ) const", "_ZNK2ns4Shop5priceEi", 4},
	{"::ns::Shop::price", "_ZNK2ns4Shop5priceEi", CXX_FIT_EXACT},
	{"Shop::price", "_ZNK2ns4Shop5priceEi", 4},
	{"price", "_ZNK2ns4Shop5priceEi", 4},
	{"hop::price", "_ZNK2ns4Shop5priceEi", 0},
	{"Shop::price(double)", "_ZNK2ns4Shop5priceEi", 0},
	{"Shop::prices", "_ZNK2ns4Shop5priceEi", 0},
	{"(anonymous namespace)::hid", "_ZN12_GLOBAL__N_13hidEi", CXX_FIT_EXACT},
	{"hid(int)", "_ZN12_GLOBAL__N_13hidEi", 4},
	{"ns::Shop::t<int>(int)", "_ZN2ns4Shop1tIiEET_S2_", CXX_FIT_EXACT},
	{"ns::Shop::t<int>", "_ZN2ns4Shop1tIiEET_S2_", CXX_FIT_EXACT},
	{"ns::Shop::t", "_ZN2ns4Shop1tIiEET_S2_", 5},
	{"Shop::t", "_ZN2ns4Shop1tIiEET_S2_", 3},
	{"ns::Shop::operator()", "_ZN2ns4ShopclEi", CXX_FIT_EXACT},
	{"Shop::operator()(int)", "_ZN2ns4ShopclEi", 4},
	{"Shop::operator int", "_ZN2ns4ShopcviEv", 4},
	{"Shop::operator +", "_ZN2ns4ShopplEi", 4},
	{"ns::Shop::operator+(int)", "_ZN2ns4ShopplEi", CXX_FIT_EXACT},
	{"ns::Shop::operator-(int)", "_ZN2ns4ShopplEi", 0},
	{"operator<<(Order const&, int)", "_ZlsRK5Orderi", CXX_FIT_EXACT},
	{"operator<<", "_ZlsRK5Orderi", CXX_FIT_EXACT},
	{"g", MAP, CXX_FIT_EXACT},
	{"g(const std::string &, std::vector<const char *>, std::map<std::string, int>)", MAP, CXX_FIT_EXACT},
	{"g(std::string const&, std::vector<char const*>, std::map<std::string, int>)", MAP, CXX_FIT_EXACT},
	{"g(std::string&, std::vector<char const*>, std::map<std::string, int>)", MAP, 0},
	{"put(char const*, unsigned long)", "_Z3putPKcm", CXX_FIT_EXACT},
	{"put(const char*, size_t)", "_Z3putPKcm", CXX_FIT_EXACT},
	{"put(const char*, std::size_t)", "_Z3putPKcm", CXX_FIT_EXACT},
	{"put(const char*, unsigned long int)", "_Z3putPKcm", CXX_FIT_EXACT},
	{"put(const char*, unsigned)", "_Z3putPKcm", 0},
	{"now(void)", "_Z3nowv", CXX_FIT_EXACT},
	{"Shop::~Shop", "_ZN4ShopD1Ev", CXX_FIT_EXACT},
	{"Shop::Shop(int)", "_ZN4ShopC1Ei", CXX_FIT_EXACT},
	{"Shop::price(int)", "_ZN4Shop5priceEi.isra.0", 0},
	{"price", "price", 0},
	{"price", "_Znonsense", 0},
	{"Box<const int *>::put", "_ZN3BoxIPKiE3putEv", CXX_FIT_EXACT},
};

static void a_name_finds_what_it_means_and_nothing_else(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_cxx_want struct cxx_want want = {};
		unsigned fit;

		assert_int_equal(cxx_want_init(&want, rows[i].want), 0);
		fit = cxx_fit(&want, rows[i].mangled);
		if (fit != rows[i].fit)
			fail_msg("'%s' and '%s': %u, not %u", rows[i].want, rows[i].mangled, fit,
				 rows[i].fit);
	}
}

static void what_can_be_no_name_is_refused(void **state)
{
	static const char *const names[] = {"", " ", "::", "<", ")", "-f", "*"};
	struct cxx_want want;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(cxx_want_init(&want, names[i]), -EINVAL);
}

static void hostile_names_end(void **state)
{
	enum { LEN = 1 << 16 };
	autofree char *name = calloc(1, LEN + 1);
	static const char *const parts[] = {"const ", "<",	  "(",	",std::allocator<",
					    "::",     "operator", "a ", ")>"};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct cxx_want want = {};

		name[0] = 'f';
		for (size_t cnt = 1; cnt <= 3000; cnt = cnt * 7 + 1) {
			size_t at = 1;

			for (size_t k = 0; k < cnt && at + strlen(parts[i]) < LEN; k++)
				at += strlen(strcpy(name + at, parts[i]));
			if (!cxx_want_init(&want, name))
				cxx_want_release(&want);
		}
	}
}

static void texts_are_as_people_write_them(void **state)
{
	autofree char *text = cxx_text("_ZNK2ns4Shop5priceEi"),
		      *brief = cxx_text_short("_ZN2ns4Shop1tIiEET_S2_");

	assert_string_equal(text, "ns::Shop::price(int) const");
	assert_string_equal(brief, "ns::Shop::t<int>");
	assert_null(cxx_text("price"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_finds_what_it_means_and_nothing_else),
		cmocka_unit_test(what_can_be_no_name_is_refused),
		cmocka_unit_test(hostile_names_end),
		cmocka_unit_test(texts_are_as_people_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
