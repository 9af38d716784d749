// SPDX-License-Identifier: BSD-3-Clause
// A parameter that is a member of the object which it points back to, as containers and kernels' lists do it. One
// view of that object is captured deeper than the other.
#include <stdlib.h>

struct header {
	int n;
	struct header *next;
};
struct request {
	int id;
	struct server *server;
	struct header *headers;
};
struct server {
	int pad[3];
	struct request request;
	int served;
};

__attribute__((noinline)) int handle(struct request *r)
{
	int sum = 0;

	if (&r->server->request != r)
		return -1;
	for (struct header *h = r->headers; h; h = h->next)
		sum += h->n;
	r->id++;
	r->server->served += r->server->request.id;
	return sum * 100 + r->server->served;
}

int main(void)
{
	struct header third = {3, NULL}, second = {2, &third}, first = {1, &second};
	struct server server = {{1, 2, 3}, {41, &server, &first}, 1000};

	return handle(&server.request) == 600 + 1042 ? 0 : 1;
}
