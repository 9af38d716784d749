// SPDX-License-Identifier: BSD-3-Clause
/* A library of the victim's, found by its RUNPATH $ORIGIN. With NEWER it answers otherwise. */
#include <time.h>

#ifdef NEWER
#define FACTOR 1000
#else
#define FACTOR 100
#endif

int shop_price(int item);
int shop_total(int a, int b);

int shop_price(int item)
{
	return item * FACTOR;
}

/* Calls shop_price through the PLT, and libc. */
int shop_total(int a, int b)
{
	return shop_price(a) + shop_price(b) + (time(NULL) == 5);
}
