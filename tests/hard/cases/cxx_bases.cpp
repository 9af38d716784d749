// SPDX-License-Identifier: BSD-3-Clause
// Base classes: names that collide, several bases, empty ones, a container as a base, a virtual base.
#include "case.h"

#include <string>
#include <vector>

struct Named {
	int id;
	std::string name;
	Named(int i, std::string n) : id(i), name(n) {}
};

struct Empty {
};

struct Priced {
	int id;
	long price;
	Priced(int i, long p) : id(i), price(p) {}
};

struct Single : Named {
	int qty;
	Single(int i) : Named(i, "single"), qty(i * 2) {}
};

struct Both : Empty, Named, Priced {
	int id;
	Both(int i) : Named(i, "named"), Priced(i + 1, 100), id(i + 2) {}
};

struct List : std::vector<int> {
	int total;
	List(int t) : std::vector<int>{1, 2, t}, total(t) {}
};

struct Root {
	int root;
	Root(int r) : root(r) {}
};

struct Left : virtual Root {
	int left;
	Left(int l) : Root(l), left(l) {}
};

FUNC int look(const Single &single, const Both &both, const List &list)
{
	return single.id + both.id + both.Named::id + both.Priced::id + list.total + list.size();
}

FUNC int far(const Left *left)
{
	return left ? left->root : 0;
}

FUNC int handle(int start)
{
	Single single(start);
	Both both(start);
	List list(start);
	Left left(start);

	return look(single, both, list) + far(&left);
}

int main()
{
	return handle(5) == 5 + 7 + 5 + 6 + 5 + 3 + 5 ? 0 : 1;
}
