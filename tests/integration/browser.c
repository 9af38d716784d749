// SPDX-License-Identifier: BSD-3-Clause
#include "tests/integration/browser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <curl/curl.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define ANSWER_MAX (16 << 20)
#define START_S	   30

struct browser {
	struct command driver;
	char url[128]; /* of the session */
	int port;
};

static size_t take(char *data, size_t size, size_t cnt, void *ctx)
{
	buf_put(ctx, data, size * cnt);
	return size * cnt;
}

/* The answer's "value", the caller's; NULL: the driver does not answer. */
static cJSON *call(const char *url, const char *method, const cJSON *body)
{
	autofree char *text = body ? json_print(body) : NULL;
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *curl = curl_easy_init();
	auto_buf struct buf answer;
	cJSON *json = NULL, *value = NULL;

	buf_init(&answer, ANSWER_MAX);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	if (text)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
	if (curl_easy_perform(curl) == CURLE_OK) {
		json = cJSON_ParseWithLength((const char *)answer.data, answer.len);
		value = cJSON_DetachItemFromObject(json, "value");
	}
	cJSON_Delete(json);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return value;
}

/* The same in the session; takes @body over, and fails when the driver says that something is wrong. */
static cJSON *ask(struct browser *browser, const char *path, cJSON *body)
{
	const char *error;
	char url[256];
	cJSON *value;

	snprintf(url, sizeof(url), "%s%s", browser->url, path);
	value = call(url, "POST", body);
	cJSON_Delete(body);
	error = cJSON_GetStringValue(cJSON_GetObjectItem(value, "error"));
	if (!value || error)
		fail_msg("%s: %s: %s", path, error ?: "no answer",
			 cJSON_GetStringValue(cJSON_GetObjectItem(value, "message")) ?: "");
	return value;
}

static void start_session(struct browser *browser)
{
	auto_cjson cJSON *body = cJSON_Parse(
		"{\"capabilities\": {\"alwaysMatch\": {\"goog:chromeOptions\": {\"args\": [\"--headless=new\", "
		"\"--no-sandbox\", \"--disable-gpu\", \"--disable-dev-shm-usage\", \"--window-size=1200,1000\"]}}}}");
	auto_cjson cJSON *value = NULL;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/session", browser->port);
	value = call(url, "POST", body);
	if (!cJSON_IsString(cJSON_GetObjectItem(value, "sessionId")))
		fail_msg("chromedriver starts no session: %s",
			 cJSON_GetStringValue(cJSON_GetObjectItem(value, "message")) ?: "no answer");
	snprintf(browser->url, sizeof(browser->url), "%s/%s", url,
		 cJSON_GetObjectItem(value, "sessionId")->valuestring);
}

/* "ChromeDriver was started successfully on port 34567." */
static int port_of(const struct command *driver)
{
	autofree char *said = command_file(driver->out);
	static const char before[] = "successfully on port ";
	const char *at = strstr(said, before);

	return at ? atoi(at + strlen(before)) : 0;
}

struct browser *browser_start(void)
{
	struct browser *browser = calloc(1, sizeof(*browser));

	command_start(&browser->driver, ARGV("chromedriver", "--port=0"));
	if (!command_says(&browser->driver, "started successfully on port", START_S))
		fail_msg("chromedriver does not start");
	browser->port = port_of(&browser->driver);
	start_session(browser);
	return browser;
}

void browser_stop(struct browser *browser)
{
	cJSON_Delete(call(browser->url, "DELETE", NULL));
	command_signal(&browser->driver, 15);
	command_wait(&browser->driver, 10);
	free(browser);
}

void browser_open(struct browser *browser, const char *url)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "url", url);
	cJSON_Delete(ask(browser, "/url", body));
}

void browser_press(struct browser *browser, const char *key)
{
	cJSON *body = cJSON_CreateObject(), *source = cJSON_CreateObject(), *actions;
	static const char *const kinds[] = {"keyDown", "keyUp"};

	cJSON_AddItemToArray(cJSON_AddArrayToObject(body, "actions"), source);
	cJSON_AddStringToObject(source, "type", "key");
	cJSON_AddStringToObject(source, "id", "keyboard");
	actions = cJSON_AddArrayToObject(source, "actions");
	for (int i = 0; i < 2; i++) {
		cJSON *action = cJSON_CreateObject();

		cJSON_AddStringToObject(action, "type", kinds[i]);
		cJSON_AddStringToObject(action, "value", key);
		cJSON_AddItemToArray(actions, action);
	}
	cJSON_Delete(ask(browser, "/actions", body));
}

void browser_type(struct browser *browser, const char *keys)
{
	for (; *keys; keys++)
		browser_press(browser, (const char[]){*keys, '\0'});
}

char *browser_ask(struct browser *browser, const char *script)
{
	cJSON *body = cJSON_CreateObject();
	auto_cjson cJSON *value = NULL;

	cJSON_AddStringToObject(body, "script", script);
	cJSON_AddArrayToObject(body, "args");
	value = ask(browser, "/execute/sync", body);
	return cJSON_IsString(value) ? strdup(value->valuestring) : json_print(value);
}

void browser_expect(struct browser *browser, const char *script, const char *want)
{
	autofree char *text = browser_ask(browser, script);

	assert_string_equal(text, want);
}

void browser_click(struct browser *browser, const char *selector)
{
	cJSON *body = cJSON_CreateObject();
	auto_cjson cJSON *element = NULL;
	char path[256];

	cJSON_AddStringToObject(body, "using", "css selector");
	cJSON_AddStringToObject(body, "value", selector);
	element = ask(browser, "/element", body);
	snprintf(path, sizeof(path), "/element/%s/click", element->child->valuestring);
	cJSON_Delete(ask(browser, path, cJSON_CreateObject()));
}
