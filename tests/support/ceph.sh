#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A whole Ceph cluster for a test, step by step, between which the test starts the daemons, which it then owns:
#	ceph.sh prepare DIR PORT [CONF]	  DIR/ceph.conf, a certificate, the monitor's store
#	ceph.sh disk DIR		  with the monitor running: the OSD's store
#	ceph.sh users DIR		  with the OSD running: the users and storage classes
# The gateway then speaks http at PORT, https at PORT+1; the monitor listens at PORT+2. Needs no root.
set -eu
step=$1 dir=$2
cd "$dir"
export CEPH_CONF="$dir/ceph.conf"

prepare() {
	port=$1 fsid=$(cat /proc/sys/kernel/random/uuid)
	mkdir mon osd rgw
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.pem \
		-days 2 -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.localhost'
	# Both clocks of paxos are short, or the same start takes twelve seconds. Without tcp_nodelay the gateway
	# answers each GET after 44 ms. A test stops the disk for a while, and a machine may be slow: neither makes it dead.
	cat >ceph.conf <<-EOF2
		[global]
		fsid = $fsid
		mon host = v2:127.0.0.1:$((port + 2))
		public addr = 127.0.0.1
		auth cluster required = none
		auth service required = none
		auth client required = none
		ms bind msgr1 = false
		ms mon client mode = crc secure
		osd pool default size = 1
		osd pool default min size = 1
		osd pool default pg num = 4
		osd pool default pg autoscale mode = off
		osd crush chooseleaf type = 0
		mon allow pool size one = true
		mon max pg per osd = 4000
		paxos propose interval = 0.02
		paxos min wait = 0.01
		mon data avail crit = 1
		osd heartbeat grace = 3600
		mon osd report timeout = 7200
		run dir = $dir
		log file = $dir/\$name.log
		admin socket =
		pid file =
		keyring = $dir/keyring
		mon data = $dir/mon
		osd data = $dir/osd
		osd objectstore = memstore
		memstore device bytes = 2G
		osd class dir = /usr/lib/$(uname -m)-linux-gnu/rados-classes
		rgw data = $dir/rgw
		rgw dns name = localhost
		rgw sts key = abcdefghijklmnop
		rgw s3 auth use sts = true
		rgw frontends = beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$((port + 1)) ssl_certificate=$dir/tls.pem ssl_private_key=$dir/tls.key tcp_nodelay=1
		debug osd = 0/0
		debug rgw = 0/0
		debug ms = 0/0
		$2
	EOF2
	touch keyring
	monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$((port + 2))]" monmap
	ceph-mon --mkfs -i a --monmap monmap --keyring keyring
}

disk() {
	uuid=$(cat /proc/sys/kernel/random/uuid)
	timeout 60 ceph osd new "$uuid"
	ceph-osd -i 0 --mkfs --osd-uuid "$uuid"
}

users() {
	timeout 60 ceph osd crush add osd.0 1.0 root=default host=localhost
	timeout 60 radosgw-admin user create --uid test --display-name T --access-key AKIDTEST \
		--secret-key secrettestsecret
	for where in 'zonegroup placement add --rgw-zonegroup' 'zone placement add --data-pool ia --rgw-zone'; do
		timeout 60 radosgw-admin $where default --placement-id default-placement \
			--storage-class STANDARD_IA
	done
}

shift 2
"$step" "${1-}" "${2-}"
