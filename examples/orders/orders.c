// SPDX-License-Identifier: BSD-3-Clause
#include "orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t rate_micros[CURRENCY_CNT] = {1000000, 1083700, 857300, 162450000};

/* An exchange-rate service, as far as the operation can tell: the rate drifts from call to call. */
static BOUNDARY int rate_lookup(enum currency to, struct rate *out)
{
	static uint32_t drift;

	*out = (struct rate){.micros = rate_micros[to], .spread = 0.0015, .source = "ECB"};
	if (to != EUR)
		out->micros += __atomic_add_fetch(&drift, 1, __ATOMIC_RELAXED) % 997;
	journal("rate_lookup", "\"to\":%d,\"micros\":%lld,\"return\":0", to, (long long)out->micros);
	return 0;
}

/* Loyalty points a customer's postcode earns today: another service. */
static BOUNDARY uint8_t bonus_points(uint16_t postcode, int8_t weekday)
{
	uint8_t points = (postcode % 7) * 10 + (weekday == 6 ? 100 : 0);

	journal("bonus_points", "\"postcode\":%u,\"weekday\":%d,\"return\":%u", postcode, weekday, points);
	return points;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	journal("clock_gettime", "\"sec\":%lld,\"nsec\":%ld,\"return\":0", (long long)ts.tv_sec, ts.tv_nsec);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t convert(int64_t cents, int64_t micros)
{
	journal("convert", "\"eur_cents\":%lld,\"remainder\":%lld", (long long)cents,
		(long long)(cents * micros % 1000000));
#ifdef REGRESSED
	return cents * micros / 1000000;
#else
	return (cents * micros + 500000) / 1000000;
#endif
}

static int refuse(struct reply *reply, const char *why)
{
	reply->status = -errno;
	snprintf(reply->message, sizeof(reply->message), "%s: %s", why, strerror(errno));
	return -1;
}

#ifdef REFACTORED
static int64_t line_cents(const struct price *price, const struct item *item)
{
	int64_t cents = price->cents * item->quantity;

	cents -= cents * price->discount_percent / 100;
	return item->gift ? cents + 250 : cents;
}
#endif

static int price_lines(const struct request *request, const struct price_list *list, struct reply *reply,
		       int64_t *total)
{
	reply->lines = calloc(list->count ? list->count : 1, sizeof(*reply->lines));
	if (!reply->lines)
		return -1;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct price *price = &list->prices[i];
		int64_t cents;

		if (price->cents < 0) {
			errno = ENOENT;
			return refuse(reply, price->sku);
		}
#ifdef REFACTORED
		cents = line_cents(price, &request->items[i]);
#else
		cents = price->cents * request->items[i].quantity;
		cents -= cents * price->discount_percent / 100;
		if (request->items[i].gift)
			cents += 250;
#endif
		reply->lines[i] = (struct line){request->items[i].sku, cents};
		reply->nlines = i + 1;
		*total += cents;
	}
	return 0;
}

static void digest_order(const struct request *request, const struct reply *reply, uint8_t digest[16])
{
	uint64_t h = 14695981039346656037u;

	for (const char *p = request->customer; *p; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211u;
	memcpy(digest, &h, 8);
	h ^= (uint64_t)reply->total_cents * 1099511628211u;
	memcpy(digest + 8, &h, 8);
}

static void publish(const struct request *request, const struct reply *reply)
{
	struct notice notice = {request->id, request->currency, reply->total_cents, reply->message};
	uint8_t digest[16];

	notify(request->express ? "express" : "standard", &notice);
	digest_order(request, reply, digest);
	audit("order", digest, request->nitems > 2 ? 16 : 8);
}

/* 0, or -1 with reply->status and a message. */
BOUNDARY int handle_order(struct session *session, const struct request *request, struct reply *reply)
{
	struct price_list *list = NULL;
	struct rate rate;
	char record[64], tier[16] = "";
	unsigned postcode = 0;
	int64_t total = 0, created;
	ssize_t len;
	int r;

	*reply = (struct reply){0};
	session->handled++;
	created = now_ms();
	len = db_get_customer(session->db, request->customer, record, sizeof(record) - 1);
	if (len < 0)
		return refuse(reply, request->customer);
	record[len] = '\0';
	sscanf(record, "%15[^;];%u", tier, &postcode);

	if (db_prices(session->db, request, &list) < 0)
		return refuse(reply, "prices");
	r = price_lines(request, list, reply, &total);
	price_list_free(list);
	if (r < 0)
		return -1;
	if (!strcmp(tier, "gold"))
		total -= total / 20;
	if (request->express)
		total += 990;

	rate_lookup(request->currency, &rate);
	reply->total_cents = convert(total, rate.micros);
	reply->points = total / 1000 + bonus_points(postcode, created / 86400000 % 7);
	snprintf(reply->message, sizeof(reply->message), "%s order of %u lines", tier, reply->nlines);
	if (db_store_order(session->db, request->id, request->customer, request->currency, reply->total_cents,
			   reply->nlines, request->express, created) < 0)
		return refuse(reply, "store");
	publish(request, reply);
	return 0;
}

void reply_release(struct reply *reply)
{
	free(reply->lines);
	reply->lines = NULL;
}
