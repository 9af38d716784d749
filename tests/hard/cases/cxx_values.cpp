// SPDX-License-Identifier: BSD-3-Clause
// std::string, std::string_view and std::vector of libstdc++ as values: members, references, by value, results.
#include "case.h"

#include <string>
#include <string_view>
#include <vector>

/* Without its constructor clang would not describe it. */
struct Line {
	std::string sku;
	int qty;
	std::vector<double> prices;
	Line(std::string s, int q, std::vector<double> p) : sku(s), qty(q), prices(p) {}
};

struct Order {
	int id;
	std::string customer, note, empty;
	std::vector<Line> lines;
	std::vector<int> tags, none;
	std::vector<unsigned char> raw;
	Order() {}
};

FUNC std::string name_of(int id)
{
	return id == 1 ? "short" : "a name that is longer than fifteen bytes";
}

FUNC std::vector<std::string> words(std::string text, std::string_view more)
{
	std::vector<std::string> out{text, std::string(more)};

	out.push_back("");
	return out;
}

FUNC bool load(const std::string &key, std::string &out, std::vector<int> &numbers)
{
	out = key + ": " + std::string(30, '.');
	numbers.push_back(numbers.size());
	numbers.push_back(40);
	return true;
}

FUNC void store(const Order &order, const std::vector<std::string> &all)
{
	USE(&order);
	USE(&all);
}

FUNC std::string handle(Order &order, std::string greeting)
{
	std::vector<int> numbers{7};
	std::string loaded = "old";

	load(order.customer, loaded, numbers);
	load(loaded, loaded, numbers);
	std::vector<std::string> all = words(greeting, order.customer);
	all.push_back(name_of(1));
	all.push_back(name_of(2) + loaded);
	all[0] += "!";
	order.note = all.back();
	order.tags.insert(order.tags.end(), numbers.begin(), numbers.end());
	order.lines[0].sku += "-x";
	order.lines.push_back(Line{"new", 3, {}});
	store(order, all);
	return greeting + ", " + order.customer;
}

int main()
{
	Order order;

	order.id = 5;
	order.customer = "acme";
	order.note = "a note that does not fit into the string";
	order.lines = {{"pen", 2, {1.5, 2.5}}, {"a long name of an article", 1, {}}};
	order.tags = {1};
	order.raw = {1, 2, 255};
	std::string said = handle(order, "hello to everybody out there");

	return said == "hello to everybody out there, acme" && order.tags.size() == 6 ? 0 : 1;
}
