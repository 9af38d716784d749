// SPDX-License-Identifier: BSD-3-Clause
// C++ functions by the names that people write: overloads, operators, templates, unnamed namespaces.
#include "case.h"

namespace
{
FUNC int secret(int q)
{
	return q + 1;
}
}

namespace ns
{
struct Shop {
	int base;
	FUNC int price(int q)
	{
		return q * base;
	}
	FUNC int price(char q) const
	{
		return q - base;
	}
	FUNC int operator()(int q)
	{
		return q / 3;
	}
	template <class T> FUNC T twice(T q)
	{
		return q + q;
	}
	FUNC long run(int q)
	{
		const Shop *same = this;

		return price(q) + same->price('a') + (*this)(q) + twice(q) + twice(7L) + secret(q);
	}
};
}

int main()
{
	ns::Shop shop{3};

	return shop.run(6) == 18 + 94 + 2 + 12 + 14 + 7 ? 0 : 1;
}
