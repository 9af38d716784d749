// SPDX-License-Identifier: BSD-3-Clause
#include "loader/attach_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "lib/util.h"

int attach_renew_ring(struct attach *attach, int idx, struct err *err)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, attach->ring_bytes, NULL);
	uint32_t key = idx;

	if (fd < 0)
		return err_set(err, -errno, "cannot make a ring of %u bytes: %s", attach->ring_bytes,
			       strerror(errno));
	closep(&attach->rings[idx]);
	attach->rings[idx] = fd;
	if (bpf_map_update_elem(bpf_map__fd(attach->skel->maps.rings), &key, &fd, 0))
		return err_set(err, -errno, "cannot hand down a ring: %s", strerror(errno));
	return 0;
}

int attach_make_rings(struct attach *attach, uint32_t bytes, struct err *err)
{
	uint32_t size;
	int r = source_ring_bytes(&size, bytes, attach->rings_cnt, err);

	if (r < 0)
		return r;
	attach->rings = malloc(attach->rings_cnt * sizeof(*attach->rings));
	if (!attach->rings)
		return err_nomem(err);
	for (int i = 0; i < attach->rings_cnt; i++)
		attach->rings[i] = -1;
	attach->ring_bytes = size;
	for (int i = 0; i < attach->rings_cnt && r == 0; i++)
		r = attach_renew_ring(attach, i, err);
	return r;
}

int attach_rings_cnt(const struct attach *attach)
{
	return attach->rings_cnt;
}

int attach_ring_fd(const struct attach *attach, int idx)
{
	return attach->rings[idx];
}
