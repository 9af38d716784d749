#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# OpenStack Swift with its S3 interface, for a test, which starts and owns the daemons:
#	swift.sh prepare DIR PORT	rings and configuration; the proxy will speak http at PORT, the others at PORT+1..4
#	swift.sh run DIR NAME		become the daemon NAME: object, container, account, proxy or memcached
# What Swift reads in /etc/swift alone is seen by these daemons there, and by nobody else. Needs root.
set -eu
step=$1 dir=$2

prepare() {
	port=$1
	mkdir -p "$dir/etc" "$dir/srv/d1"
	cd "$dir/etc"
	printf '[swift-hash]\nswift_hash_path_suffix = t\nswift_hash_path_prefix = t\n' >swift.conf
	/usr/bin/python3 - "$port" <<-'EOF2'
		import sys
		from swift.common.ring import RingBuilder
		for i, name in enumerate(('object', 'container', 'account'), 1):
		    port = int(sys.argv[1]) + i
		    ring = RingBuilder(4, 1, 0)
		    ring.add_dev(dict(id=0, region=1, zone=1, ip='127.0.0.1', port=port, replication_ip='127.0.0.1',
		                      replication_port=port, device='d1', weight=1.0, meta=''))
		    ring.rebalance()
		    ring.get_ring().save(name + '.ring.gz')
	EOF2
	common="[DEFAULT]
bind_ip = 127.0.0.1
workers = 0
user = $(id -un)
swift_dir = $dir/etc
devices = $dir/srv
mount_check = false
disable_fallocate = true
log_level = WARNING
log_address = $dir/nolog"
	i=0
	for name in object container account; do
		i=$((i + 1))
		printf '%s\nbind_port = %s\n[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' \
			"$common" $((port + i)) $name $name $name >$name.conf
	done
	{
		printf '%s\nbind_port = %s\n[pipeline:main]\n' "$common" "$port"
		echo 'pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo proxy-server'
		printf '[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n'
		printf '[filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:%s\n' $((port + 4))
		for filter in catch_errors gatekeeper healthcheck listing_formats bulk copy slo dlo; do
			printf '[filter:%s]\nuse = egg:swift#%s\n' $filter $filter
		done
		printf '[filter:s3api]\nuse = egg:swift#s3api\nlocation = us-east-1\n'
		printf '[filter:tempauth]\nuse = egg:swift#tempauth\nuser_test_tester = testing .admin\n'
	} >proxy.conf
	echo $((port + 4)) >memcached.port
}

run() {
	if [ "$1" = memcached ]; then
		exec memcached -l 127.0.0.1 -p "$(cat "$dir/etc/memcached.port")" -m 64 -u "$(id -un)"
	fi
	[ "${2-}" ] || exec unshare --mount "$0" run "$dir" "$1" seen
	mount --bind "$dir/etc" /etc/swift
	exec "swift-$1-server" "$dir/etc/$1.conf"
}

shift 2
"$step" "$@"
