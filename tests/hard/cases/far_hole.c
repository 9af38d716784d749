// SPDX-License-Identifier: BSD-3-Clause
// What the types alone cannot capture, several pointers away from a parameter: a note, and the rest plays.
// @check: not captured: conn->pool->chunks (a flexible array needs a "count")
// @replay: equal 'conn->pool->chunks' was not captured and is zero: a flexible array needs a "count"
struct chunk {
	int used;
};
struct pool {
	int free;
	struct chunk chunks[];
};
struct conn {
	int fd;
	struct pool *pool;
};

__attribute__((noinline)) int take(struct conn *conn, int n)
{
	conn->pool->free -= n;
	return conn->fd + conn->pool->free;
}

int main(void)
{
	static struct {
		struct pool pool;
		struct chunk chunks[2];
	} memory = {{10}, {{1}, {2}}};
	struct conn conn = {3, &memory.pool};

	return take(&conn, 4) == 9 && memory.chunks[1].used == 2 ? 0 : 1;
}
