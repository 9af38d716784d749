/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small shop: orders come in over TCP, prices and customers are in SQLite, and every order is stored,
 * notified and audited. handle_order() is the operation worth recording; what it calls of the outside world
 * is below it.
 *
 * Built three ways from this one source: as it is, -DREFACTORED (other layouts, other functions, the same
 * behaviour) and -DREGRESSED (a rounding mistake).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sqlite3;

/* Where the program meets the outside world: kept as a function of its own by every optimiser. */
#ifdef __clang__
#define BOUNDARY __attribute__((noinline, used))
#else
#define BOUNDARY __attribute__((noipa))
#endif

#define ITEMS_MAX 16

enum currency { EUR, USD, GBP, JPY, CURRENCY_CNT };

struct item {
	const char *sku;
#ifdef REFACTORED
	uint32_t warehouse; /* 0: any */
#endif
	uint16_t quantity;
	bool gift;
};

struct request {
	uint32_t id;
	const char *customer;
#ifdef REFACTORED
	uint64_t trace_id;
#endif
	enum currency currency;
	bool express;
	uint16_t nitems;
	struct item *items;
};

struct line {
	const char *sku; /* borrowed from the request */
	int64_t cents;
};

struct reply {
	int status; /* 0, or -errno */
#ifdef REFACTORED
	uint32_t version;
#endif
	int64_t total_cents; /* in the request's currency */
	uint32_t points;
	uint32_t nlines;
	struct line *lines; /* freed by reply_release */
	char message[48];
};

/* A worker's own. */
struct session {
	struct sqlite3 *db;
	uint32_t worker;
	uint64_t handled;
};

struct price {
	const char *sku;
	int64_t cents; /* EUR; -1: unknown */
	uint8_t discount_percent;
};

struct price_list {
	uint32_t count;
	struct price *prices;
};

struct rate {
	int64_t micros; /* of the target currency for one EUR */
	double spread;
	char source[8];
};

struct notice {
	uint32_t order;
	enum currency currency;
	int64_t total_cents;
	const char *text;
};

/* orders.c: the operation */
int handle_order(struct session *session, const struct request *request, struct reply *reply);
void reply_release(struct reply *reply);

/* store.c: SQLite */
struct sqlite3 *db_open(const char *path);
void db_close(struct sqlite3 *db);
/* The customer's record, "tier;postcode", into @buf: its length, or -1 with errno (ENOENT: no such customer).
 */
ssize_t db_get_customer(struct sqlite3 *db, const char *name, char *buf, size_t len);
/* The prices of what is ordered; *@out is the caller's, for price_list_free. */
int db_prices(struct sqlite3 *db, const struct request *request, struct price_list **out);
void price_list_free(struct price_list *list);
/* The new row's id, or -1. */
int64_t db_store_order(struct sqlite3 *db, uint32_t id, const char *customer, enum currency currency,
		       int64_t total_cents, uint16_t lines, bool express, int64_t created_ms);

/* notify.c: what leaves the shop */
int notify(const char *channel, const struct notice *notice);
void audit(const char *what, const uint8_t *digest, size_t len);

/* journal.c: the service's own account of every call, written by the functions themselves */
int journal_open(const char *path);
void journal_order(uint32_t id); /* what this thread's lines belong to from here on */
uint32_t journal_current(void);
void journal(const char *function, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void journal_close(void);
