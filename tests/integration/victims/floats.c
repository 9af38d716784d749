// SPDX-License-Identifier: BSD-3-Clause
/*
 * Floating-point numbers in every place that a call has for them: floats THREADS OPERATIONS. With no threads
 * the operations run in main. Whatever comes back must be what was passed: else it ends with 1.
 */
#include "floats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define PROBED	    __attribute__((noipa))
#define THREADS_MAX 16

static atomic_long wrong;

/* --- inputs: each returns what belongs to its number --- */

PROBED double in_scale(double x, int number, float y)
{
	return double_of(number, 0);
}

PROBED float in_narrow(float x, int number)
{
	return float_of(number, 1);
}

PROBED struct mixed in_mixed(int number, struct mixed m)
{
	return mixed_of(number, 2);
}

PROBED struct pair in_pair(struct pair p, int number)
{
	return pair_of(number, 3);
}

PROBED double in_many(double a, double b, double c, double d, double e, double f, double g, double h,
		      double i, long number, float j)
{
	return double_of(number, 4);
}

PROBED long double in_wide(long double w, double x, int number)
{
	return wide_of(number, 5);
}

PROBED double complex in_complex(int number, double complex z)
{
	return double_of(number, 6) + double_of(number, 7) * I;
}

PROBED long double complex in_wide_complex(int number)
{
	return CMPLXL(wide_of(number, 8), wide_of(number, 9));
}

PROBED struct text in_text(double x, int number)
{
	return (struct text){number % 2 ? "odd" : "even", double_of(number, 10)};
}

PROBED double in_nothing(double zero)
{
	return zero;
}

PROBED void out_put(double total, struct mixed m, float s, long number)
{
	asm volatile("" : : "r"(number) : "memory");
}

/* --- the operation --- */

static void check(int is_right)
{
	if (!is_right)
		wrong++;
}

static int same(const void *a, const void *b, size_t len)
{
	return !memcmp(a, b, len);
}

#define SAME(a, b)                                                                                           \
	({                                                                                                   \
		__typeof__(b) a_ = (a), b_ = (b);                                                            \
		same(&a_, &b_, sizeof(b_));                                                                  \
	})

static void use_structs(int number)
{
	struct mixed m = in_mixed(number, mixed_of(number, 22)), want = mixed_of(number, 2);
	struct pair p = in_pair(pair_of(number, 23), number), q = pair_of(number, 3);
	struct text t = in_text(double_of(number, 30), number);

	check(SAME(m.d, want.d) && m.n == want.n && SAME(p.x, q.x) && SAME(p.y, q.y));
	check(!strcmp(t.s, number % 2 ? "odd" : "even") && SAME(t.d, double_of(number, 10)));
}

static void use_wide(int number)
{
	double complex z = in_complex(number, CMPLX(double_of(number, 26), double_of(number, 27)));
	long double complex w = in_wide_complex(number);

	check(in_wide(wide_of(number, 25), double_of(number, 28), number) == wide_of(number, 5));
	check(creal(z) == double_of(number, 6) && cimag(z) == double_of(number, 7));
	check(creall(w) == wide_of(number, 8) && cimagl(w) == wide_of(number, 9));
}

PROBED double op_float(int number, double a, float f)
{
	double total = in_scale(a, number, f);
	double many = in_many(double_of(number, 11), double_of(number, 12), double_of(number, 13),
			      double_of(number, 14), double_of(number, 15), double_of(number, 16),
			      double_of(number, 17), double_of(number, 18), double_of(number, 19), number,
			      float_of(number, 20));

	check(SAME(total, double_of(number, 0)) && SAME(many, double_of(number, 4)));
	check(SAME(in_narrow(f, number), float_of(number, 1)));
	check(SAME(in_nothing(0), 0.0));
	use_structs(number);
	use_wide(number);
#ifdef REGRESSED
	if (number % 3 == 0)
		total = nextafter(total, 0);
#endif
	out_put(total, (struct mixed){many, number}, f, number);
	return total;
}

static void operate(int number)
{
	double total = op_float(number, double_of(number, 31), float_of(number, 24));

#ifndef REGRESSED
	check(SAME(total, double_of(number, 0)));
#else
	(void)total;
#endif
}

static int operations;

static void *work(void *arg)
{
	int thread = (int)(intptr_t)arg;

	for (int i = 0; i < operations; i++)
		operate(thread * operations + i);
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 0;
	pthread_t thread[THREADS_MAX];

	operations = argc > 2 ? atoi(argv[2]) : 1;
	if (threads > THREADS_MAX)
		return 2;
	for (int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, work, (void *)(intptr_t)i);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	if (!threads)
		work(NULL);
	return wrong != 0;
}
