// SPDX-License-Identifier: BSD-3-Clause
#include "orders.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
	"CREATE TABLE IF NOT EXISTS customer(name TEXT PRIMARY KEY, record TEXT);"
	"CREATE TABLE IF NOT EXISTS price(sku TEXT PRIMARY KEY, cents INTEGER, discount INTEGER);"
	"CREATE TABLE IF NOT EXISTS orders(row INTEGER PRIMARY KEY, id INTEGER, customer TEXT, currency INTEGER,"
	" total INTEGER, lines INTEGER, express INTEGER, created INTEGER);";

static const char fill[] =
	"BEGIN IMMEDIATE;"
	"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 199)"
	" INSERT OR IGNORE INTO customer SELECT printf('customer-%d', i),"
	" printf('%s;%d', CASE i%3 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' ELSE 'plain' END, 10000+i*37) FROM n;"
	"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 99)"
	" INSERT OR IGNORE INTO price SELECT printf('sku-%d', i), 99+i*i*7, i%4*5 FROM n;"
	"COMMIT;";

/* One connection at a time changes the journal mode: SQLite does not wait for that lock. */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

struct sqlite3 *db_open(const char *path)
{
	sqlite3 *db = NULL;
	int r;

	pthread_mutex_lock(&opening);
	r = sqlite3_open(path, &db);
	if (r == SQLITE_OK)
		r = sqlite3_busy_timeout(db, 20000);
	if (r == SQLITE_OK)
		r = sqlite3_exec(db, schema, NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(db, fill, NULL, NULL, NULL);
	pthread_mutex_unlock(&opening);
	if (r == SQLITE_OK)
		return db;
	fprintf(stderr, "ordersd: %s: %s\n", path, sqlite3_errmsg(db));
	sqlite3_close(db);
	return NULL;
}

void db_close(struct sqlite3 *db)
{
	sqlite3_close(db);
}

BOUNDARY ssize_t db_get_customer(struct sqlite3 *db, const char *name, char *buf, size_t len)
{
	sqlite3_stmt *stmt;
	ssize_t got = -1;
	int error_number = EIO;

	if (sqlite3_prepare_v2(db, "SELECT record FROM customer WHERE name=?", -1, &stmt, NULL) ==
	    SQLITE_OK) {
		sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
		error_number = ENOENT;
		if (sqlite3_step(stmt) == SQLITE_ROW) {
			got = sqlite3_column_bytes(stmt, 0);
			if ((size_t)got > len)
				got = len;
			memcpy(buf, sqlite3_column_text(stmt, 0), got);
		}
		sqlite3_finalize(stmt);
	}
	journal("db_get_customer", "\"name\":\"%s\",\"buf\":\"%.*s\",\"return\":%zd,\"errno\":%d", name,
		got < 0 ? 0 : (int)got, buf, got, got < 0 ? error_number : 0);
	if (got < 0)
		errno = error_number;
	return got;
}

static int find_price(struct sqlite3 *db, const char *sku, struct price *price)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, "SELECT cents, discount FROM price WHERE sku=?", -1, &stmt, NULL) !=
	    SQLITE_OK)
		return -1;
	sqlite3_bind_text(stmt, 1, sku, -1, SQLITE_STATIC);
	*price = (struct price){.sku = strdup(sku), .cents = -1};
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		price->cents = sqlite3_column_int64(stmt, 0);
		price->discount_percent = sqlite3_column_int(stmt, 1);
	}
	sqlite3_finalize(stmt);
	return price->sku ? 0 : -1;
}

void price_list_free(struct price_list *list)
{
	if (!list)
		return;
	for (uint32_t i = 0; i < list->count; i++)
		free((char *)list->prices[i].sku);
	free(list->prices);
	free(list);
}

BOUNDARY int db_prices(struct sqlite3 *db, const struct request *request, struct price_list **out)
{
	struct price_list *list = calloc(1, sizeof(*list));
	int64_t sum = 0;

	if (list)
		list->prices = calloc(request->nitems + 1, sizeof(*list->prices));
	if (!list || !list->prices)
		goto fail;
	for (uint16_t i = 0; i < request->nitems; i++, list->count++) {
		if (find_price(db, request->items[i].sku, &list->prices[i]) < 0)
			goto fail;
		sum += list->prices[i].cents;
	}
	*out = list;
	journal("db_prices", "\"count\":%u,\"sum\":%lld,\"return\":0", list->count, (long long)sum);
	return 0;
fail:
	price_list_free(list);
	errno = ENOMEM;
	return -1;
}

BOUNDARY int64_t db_store_order(struct sqlite3 *db, uint32_t id, const char *customer, enum currency currency,
				int64_t total_cents, uint16_t lines, bool express, int64_t created_ms)
{
	sqlite3_stmt *stmt;
	int64_t row = -1;

	if (sqlite3_prepare_v2(
		    db,
		    "INSERT INTO orders(id,customer,currency,total,lines,express,created) VALUES(?,?,?,?,?,?,?)",
		    -1, &stmt, NULL) == SQLITE_OK) {
		sqlite3_bind_int64(stmt, 1, id);
		sqlite3_bind_text(stmt, 2, customer, -1, SQLITE_STATIC);
		sqlite3_bind_int(stmt, 3, currency);
		sqlite3_bind_int64(stmt, 4, total_cents);
		sqlite3_bind_int(stmt, 5, lines);
		sqlite3_bind_int(stmt, 6, express);
		sqlite3_bind_int64(stmt, 7, created_ms);
		if (sqlite3_step(stmt) == SQLITE_DONE)
			row = sqlite3_last_insert_rowid(db);
		sqlite3_finalize(stmt);
	}
	journal("db_store_order",
		"\"id\":%u,\"customer\":\"%s\",\"currency\":%d,\"total_cents\":%lld,\"lines\":%u,\"express\":%s,"
		"\"created_ms\":%lld,\"return\":%lld",
		id, customer, currency, (long long)total_cents, lines, express ? "true" : "false",
		(long long)created_ms, (long long)row);
	return row;
}
