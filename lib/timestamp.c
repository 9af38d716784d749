// SPDX-License-Identifier: BSD-3-Clause
#include "lib/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_MIN 1970
#define YEAR_MAX 2261 /* the last whole year that 63 bits of nanoseconds hold */

static void split(int64_t ns, struct tm *tm, int64_t *rest)
{
	time_t s = ns / TIMESTAMP_S;

	*rest = ns % TIMESTAMP_S;
	if (*rest < 0) {
		*rest += TIMESTAMP_S;
		s--;
	}
	gmtime_r(&s, tm);
}

void timestamp_text(int64_t ns, char text[TIMESTAMP_LEN + 1])
{
	char date[TIMESTAMP_LEN + 1];
	struct tm tm;
	int64_t rest;

	split(ns, &tm, &rest);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, TIMESTAMP_LEN + 1, "%.19s.%09lldZ", date, (long long)rest);
}

void timestamp_day(int64_t ns, char day[9])
{
	struct tm tm;
	int64_t rest;

	split(ns, &tm, &rest);
	strftime(day, 9, "%Y%m%d", &tm);
}

/* Exactly @cnt digits; -1 when there are fewer. */
static int digits(const char **text, int cnt)
{
	int v = 0;

	for (; cnt; cnt--, (*text)++) {
		if (**text < '0' || **text > '9')
			return -1;
		v = v * 10 + (**text - '0');
	}
	return v;
}

static bool skip(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool parse_date(const char **text, struct tm *tm)
{
	struct tm normal;

	tm->tm_year = digits(text, 4) - 1900;
	if (tm->tm_year < YEAR_MIN - 1900 || tm->tm_year > YEAR_MAX - 1900 || !skip(text, '-'))
		return false;
	tm->tm_mon = digits(text, 2) - 1;
	if (tm->tm_mon < 0 || tm->tm_mon > 11 || !skip(text, '-'))
		return false;
	tm->tm_mday = digits(text, 2);
	if (tm->tm_mday < 1)
		return false;
	/* The 31st of a month of 30 days is normalised to another day. */
	normal = *tm;
	return timegm(&normal) >= 0 && normal.tm_mday == tm->tm_mday && normal.tm_mon == tm->tm_mon;
}

static bool parse_fraction(const char **text, int64_t *ns)
{
	int64_t unit = TIMESTAMP_S / 10;

	if (**text < '0' || **text > '9')
		return false;
	for (*ns = 0; **text >= '0' && **text <= '9'; (*text)++, unit /= 10) {
		if (!unit)
			return false;
		*ns += (**text - '0') * unit;
	}
	return true;
}

static bool parse_time(const char **text, struct tm *tm, int64_t *ns)
{
	tm->tm_hour = digits(text, 2);
	if (tm->tm_hour < 0 || tm->tm_hour > 23 || !skip(text, ':'))
		return false;
	tm->tm_min = digits(text, 2);
	if (tm->tm_min < 0 || tm->tm_min > 59)
		return false;
	if (!skip(text, ':'))
		return true;
	tm->tm_sec = digits(text, 2);
	if (tm->tm_sec < 0 || tm->tm_sec > 60)
		return false;
	return !skip(text, '.') || parse_fraction(text, ns);
}

bool timestamp_parse(const char *text, int64_t *ns)
{
	struct tm tm = {};
	int64_t rest = 0;

	if (!parse_date(&text, &tm) || !skip(&text, 'T') || !parse_time(&text, &tm, &rest) ||
	    strcmp(text, "Z") != 0)
		return false;
	*ns = timegm(&tm) * TIMESTAMP_S + rest;
	return true;
}

bool timestamp_parse_day(const char *text, int64_t *ns)
{
	struct tm tm = {};

	if (!parse_date(&text, &tm) || *text)
		return false;
	*ns = timegm(&tm) * TIMESTAMP_S;
	return true;
}
