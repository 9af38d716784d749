# Debian packages that the build and the demo need. Elsewhere: the same libraries by another name.
PACKAGES = gcc clang make bpftool libbpf-dev libdw-dev libelf-dev zlib1g-dev liblzma-dev libzydis-dev \
	   libiberty-dev libcurl4-openssl-dev libexpat1-dev libssl-dev libcjson-dev libsqlite3-dev

# The tests: other compilers, linkers and formats of debug information, gdb; a real S3 server, and clients that are not ours.
TEST_PACKAGES = libcmocka-dev g++ lld gdb valgrind pkg-config binutils dwz libdebuginfod1 xz-utils \
		openssl chromium chromium-driver libxml2-utils radosgw ceph-mon ceph-osd ceph-common awscli s3cmd \
		swift-proxy swift-account swift-container swift-object memcached curl

# What the benchmarks compare us with.
BENCH_PACKAGES = bpftrace ltrace gdb rclone curl awscli radosgw ceph-mon ceph-osd ceph-common
