/* SPDX-License-Identifier: BSD-3-Clause */
/* A headless Chromium, driven by the WebDriver protocol (W3C) through chromedriver on loopback. Whatever
 * fails fails the test. */
#pragma once

#include <stddef.h>

struct browser;

struct browser *browser_start(void);
void browser_stop(struct browser *browser);
void browser_open(struct browser *browser, const char *url);
/* Type @keys into the page, each a key press of its own. */
void browser_type(struct browser *browser, const char *keys);
void browser_press(struct browser *browser, const char *key);
/* What may be pressed besides characters. */
#define BROWSER_ESCAPE "\uE00C"
#define BROWSER_ENTER  "\uE007"
/* Click what the CSS selector finds. */
void browser_click(struct browser *browser, const char *selector);
/* The result of "return ...", as text; the caller's to free. */
char *browser_ask(struct browser *browser, const char *script);
/* Fails unless @script returns @want. */
void browser_expect(struct browser *browser, const char *script, const char *want);
