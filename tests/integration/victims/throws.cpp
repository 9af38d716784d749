// SPDX-License-Identifier: BSD-3-Clause
/* Throws through everything that is probed, in several threads, and knows what must come out. */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#define FUNC	__attribute__((noinline))
#define THREADS 4

static std::atomic<int> numbers{0};

/* Throws for every third key. */
extern "C" FUNC long in_get(int key)
{
	asm volatile("" : : : "memory");
	if (key % 3 == 0)
		throw std::out_of_range("no such key");
	return key * 2L;
}

FUNC static long from_deeper(int key, int depth)
{
	volatile char room[100];

	room[depth] = 1;
	return depth ? from_deeper(key, depth - 1) + room[depth] - 1 : in_get(key);
}

extern "C" FUNC void out_put(int key, long value)
{
	asm volatile("" : : "r"(key), "r"(value) : "memory");
}

/* One call that may be left by an exception, two that come after it, and an end by an exception for each
 * fifth number. */
extern "C" FUNC long op_run(int number)
{
	long sum = 0;

	try {
		sum += in_get(number);
	} catch (const std::out_of_range &) {
		sum += from_deeper(number + 1, number % 7);
	}
	sum += from_deeper(3 * number + 1, number % 5);
	if (number % 5 == 0)
		throw std::runtime_error("cannot");
	out_put(number, sum);
	return sum;
}

static long expected(int number)
{
	long sum = number % 3 ? number * 2L : (number + 1) * 2L;

	return sum + (3 * number + 1) * 2L;
}

static void work(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		int number = numbers++;

		try {
			if (op_run(number) != expected(number) || number % 5 == 0)
				abort();
		} catch (const std::runtime_error &) {
			if (number % 5)
				abort();
		}
	}
}

int main(int argc, char **argv)
{
	std::vector<std::thread> threads;

	for (int i = 0; i < THREADS; i++)
		threads.emplace_back(work, atoi(argv[1]) / THREADS);
	for (auto &thread : threads)
		thread.join();
	printf("%d done\n", numbers.load());
	return 0;
}
