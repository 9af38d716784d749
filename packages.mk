# Debian packages that the build, the demo and the tests need. Elsewhere: the same libraries by another name.
PACKAGES = gcc clang lld gdb make pkg-config bpftool libbpf-dev libdw-dev libelf-dev zlib1g-dev liblzma-dev libzydis-dev \
	   libcurl4-openssl-dev libexpat1-dev libssl-dev libcjson-dev libcmocka-dev libsqlite3-dev
# What tests of debug information use.
PACKAGES += dwz libdebuginfod1 xz-utils
# A real S3 server for the tests, and clients that are not ours.
PACKAGES += openssl radosgw ceph-mon ceph-osd ceph-common awscli s3cmd
