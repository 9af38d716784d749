// SPDX-License-Identifier: BSD-3-Clause
// Methods: `this` is a parameter; virtual functions, references, base classes, a class by value.
#include "case.h"

struct Item {
	int sku;
	long price;
};

class Scale
{
public:
	Scale(int id) : id(id) {}
	virtual ~Scale() {}
	virtual long weigh(const Item &item) = 0;

protected:
	int id;
};

class Heavy : public Scale
{
public:
	Heavy(int id, long factor) : Scale(id), factor(factor) {}
	FUNC long weigh(const Item &item) override
	{
		return factor * item.price + id;
	}

private:
	long factor;
};

class Order
{
public:
	Order(Scale &scale, Item item) : scale(scale), item(item) {}
	FUNC long total(long &tax, Item extra) const
	{
		long sum = scale.weigh(item) + scale.weigh(extra);

		tax = sum / 10;
		return sum + tax;
	}

private:
	Scale &scale;
	Item item;
};

int main()
{
	Heavy heavy(3, 2);
	Order order(heavy, Item{1, 50});
	long tax = 0;

	return order.total(tax, Item{2, 27}) == 176 && tax == 16 ? 0 : 1;
}
