# tapedeck: `make help` lists the targets. Objects go to $(O); V=1 shows commands;
# SAN=address,undefined builds beside the plain objects; WERROR=1 makes warnings errors.

SAN    ?=
O      ?= build$(if $(SAN),/$(subst $(comma),-,$(SAN)))
CC     ?= gcc
CLANG  ?= clang
BPFTOOL ?= $(firstword $(shell command -v bpftool) /usr/sbin/bpftool)
PREFIX ?= /usr/local
comma  := ,

include packages.mk

WARN     = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef \
	   -Wno-unused-parameter -Wno-missing-field-initializers -Wvla $(if $(filter 1,$(WERROR)),-Werror)
CFLAGS  ?= -O2 -g
SANFLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) $(SANFLAGS) -D_GNU_SOURCE -I. -I$(O) -MMD -MP
LDLIBS   = -liberty -lbpf -ldw -lelf -lZydis -lcurl -lcjson -lexpat -lcrypto -lz -llzma -lpthread -ldl -lm

VERSION = 1

Q    = $(if $(filter 1,$(V)),,@)
msg  = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')
objs = $(patsubst %.c,$(O)/%.o,$(1))

LIB_OBJS    = $(call objs,$(wildcard lib/*.c))
LOADER_OBJS = $(call objs,$(wildcard loader/*.c))
REPLAY_OBJS = $(call objs,$(wildcard replay/*.c))
TOOLS_OBJS  = $(call objs,$(wildcard tools/*.c))
TARGET_OBJS = $(patsubst replay/target/%,$(O)/replay/target/%.o,$(basename $(wildcard replay/target/*.c replay/target/*.S)))
SKELS       = $(patsubst bpf/%.bpf.c,$(O)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))
ARCHIVES    = $(O)/libloader.a $(O)/libreplay.a $(O)/libtape.a
PUBLIC      = $(patsubst lib/%,$(O)/include/%,$(wildcard lib/tapedeck/*.h))
PKG_FILES   = $(O)/tapedeck.pc $(O)/tapedeck-replay.pc
UNIT_TESTS  = $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/test_*.c))

all: $(O)/tapedeck $(O)/tapedeck-host $(O)/tapedeck-plugin $(O)/libtapedeck-replay.so $(O)/libtapedeck-replay.a $(PUBLIC) $(PKG_FILES) examples ## build everything

# --- archives: an upward call between layers fails to link in the unit tests
$(O)/libtape.a: $(LIB_OBJS)
$(O)/libloader.a: $(LOADER_OBJS)
$(O)/libreplay.a: $(REPLAY_OBJS)
$(ARCHIVES):
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/tapedeck: $(TOOLS_OBJS) $(ARCHIVES)
	$(call msg,LD,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $(TOOLS_OBJS) $(ARCHIVES) $(LDLIBS)

# What plug-ins in C run in.
$(O)/tapedeck-plugin: $(O)/replay/plugin/host.o $(O)/libtape.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ -lcjson -ldl -lm

$(O)/%.o: %.c
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -c -o $@ $<

$(O)/replay/report_html.o: replay/report.html
$(O)/tools/main.o: ALL_CFLAGS += -DVERSION='"$(VERSION)"'
$(O)/tools/main.o: Makefile

# --- what runs in the kernel
$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call msg,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) -target bpf -mcpu=v3 -D__bpf__ -D__TARGET_ARCH_x86 -g -O2 -Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror) -I. \
		-I/usr/include/$(shell $(CC) -dumpmachine) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@
$(LOADER_OBJS): | $(SKELS)

# --- what runs inside a replayed program: libc only, nothing exported, never instrumented, and the caller's vector
# registers untouched
# Of small structures, gcc's string instructions take longer to start than the rest of a call takes.
INLINE_STRINGS = unrolled_loop:512:noalign,libcall:-1:noalign
STRING_FLAGS  := $(shell f="-mmemset-strategy=$(INLINE_STRINGS) -mmemcpy-strategy=$(INLINE_STRINGS)"; \
		   $(CC) -Werror $$f -E -x c /dev/null >/dev/null 2>&1 && echo $$f)
TARGET_CFLAGS = $(STRING_FLAGS) -std=gnu11 $(WARN) -O2 -g -fPIC -fvisibility=hidden -mgeneral-regs-only \
		-fno-tree-loop-distribute-patterns -fno-stack-protector -fcf-protection=none -ftls-model=initial-exec -D_GNU_SOURCE -I. -MMD -MP
$(O)/replay/target/%.o: replay/target/%.c
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(TARGET_CFLAGS) -c -o $@ $<
$(O)/replay/target/%.o: replay/target/%.S
	$(call msg,AS,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(TARGET_CFLAGS) -c -o $@ $<
$(O)/tapedeck-host: replay/host/host.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 $(WARN) -O2 -g -o $@ $< -ldl
$(O)/libtapedeck-replay.so: $(TARGET_OBJS)
	$(call msg,LD,$@)
	$(Q)$(CC) -shared -Wl,-z,initfirst -Wl,-z,now -Wl,-z,noexecstack -o $@ $(TARGET_OBJS) -ldl -lpthread

# The same engine, to be linked into a program: one object, which shows nothing but what the linker needs.
LINKED_OBJS = $(patsubst %/start.o,%/start-linked.o,$(TARGET_OBJS))
$(O)/replay/target/start-linked.o: replay/target/start.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(TARGET_CFLAGS) -DLINKED_IN -c -o $@ $<
$(O)/libtapedeck-replay.a: $(LINKED_OBJS)
	$(call msg,AR,$@)
	$(Q)ld -r -o $(O)/replay/target/engine.o $(LINKED_OBJS) && objcopy --localize-hidden $(O)/replay/target/engine.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(O)/replay/target/engine.o
# --- what programs may include
$(O)/include/%.h: lib/%.h
	$(call msg,HEADER,$@)
	$(Q)install -D -m 644 $< $@
# How to find it: cc ... $$(pkg-config --cflags tapedeck)
$(O)/tapedeck.pc: Makefile
	$(Q)printf '%s\n' 'includedir=$(PREFIX)/include' 'Name: tapedeck' 'Version: $(VERSION)' \
		'Description: what a program may say about its own recording' 'Cflags: -I$${includedir}' > $@

# How to link it in: cc ... $$(pkg-config --libs tapedeck-replay)
$(O)/tapedeck-replay.pc: Makefile
	$(Q)printf '%s\n' 'libdir=$(PREFIX)/lib/tapedeck' 'Name: tapedeck-replay' 'Version: $(VERSION)' \
		'Description: plays tapedeck recordings in the program that it is linked into' \
		'includedir=$(PREFIX)/include' 'Cflags: -I$${includedir}' \
		'Libs: -L$${libdir} -Wl,--whole-archive -l:libtapedeck-replay.a -Wl,--no-whole-archive -Wl,--wrap=__libc_start_main -Wl,--wrap=exit' > $@

# --- tests
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(ARCHIVES) $(patsubst %.c,$(O)/%.o,$(wildcard tests/support/*.c))
	$(call msg,LD,$@)
	$(Q)$(CC) $(SANFLAGS) -o $@ $< $(UNIT_OBJS) $(patsubst %.c,$(O)/%.o,$(wildcard tests/support/*.c)) $(ARCHIVES) -lcmocka $(LDLIBS)

$(O)/tests/unit/test_text: UNIT_OBJS = $(O)/tools/text.o
$(O)/tests/unit/test_text: $(O)/tools/text.o

$(UNIT_TESTS): | $(PUBLIC)
build-unit: $(UNIT_TESTS)
test-unit: build-unit ## unit tests of this build
	$(Q)tests/run-unit.sh $(UNIT_TESTS)

-include $(wildcard examples/*/rules.mk tests/*/rules.mk)

# For what is only built; tests run one after another. Who asked for -j has it everywhere.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

demo: packages ## record a running service and replay it in three builds
	$(Q)$(MAKE) --no-print-directory $(JOBS) all && examples/orders/demo.sh $(O)

# What CI runs. Sanitized unit tests are a build of their own.
test: test-packages ## everything that every change must pass; needs root for eBPF
	$(Q)$(MAKE) --no-print-directory test-layers
	$(Q)$(MAKE) --no-print-directory $(JOBS) all build-unit
	$(Q)$(MAKE) --no-print-directory test-calm test-unit
	$(Q)$(MAKE) --no-print-directory $(JOBS) SAN=address,undefined build-unit
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined test-unit
	$(Q)$(MAKE) --no-print-directory $(JOBS) build-integration
	$(Q)$(MAKE) --no-print-directory test-integration

test-layers: ## who may include whom
	$(Q)tests/layers.sh && tests/playback.sh

test-calm: $(TARGET_OBJS) ## what may run while a caller's vector registers are live
	$(Q)tests/calm.sh $(O)

packages: ## install the Debian packages that the build needs and that are missing
	$(Q).ci/packages $(PACKAGES)
test-packages:
	$(Q).ci/packages $(PACKAGES) $(TEST_PACKAGES)

bench-packages:
	$(Q).ci/packages $(BENCH_PACKAGES)

install: all ## to $(PREFIX), below $(DESTDIR)
	install -D -m 755 $(O)/tapedeck $(DESTDIR)$(PREFIX)/bin/tapedeck
	install -D -m 755 $(O)/tapedeck-host $(DESTDIR)$(PREFIX)/lib/tapedeck/tapedeck-host
	install -D -m 755 $(O)/libtapedeck-replay.so $(DESTDIR)$(PREFIX)/lib/tapedeck/libtapedeck-replay.so
	install -D -m 755 $(O)/tapedeck-plugin $(DESTDIR)$(PREFIX)/lib/tapedeck/tapedeck-plugin
	install -D -m 644 $(O)/libtapedeck-replay.a $(DESTDIR)$(PREFIX)/lib/tapedeck/libtapedeck-replay.a
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/pkgconfig $(PKG_FILES)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/tapedeck $(PUBLIC)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

clean: ## remove what was built
	rm -rf build

.PHONY: all examples demo test test-layers test-calm build-unit build-integration test-unit test-integration packages test-packages bench-packages install help clean
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(O) -name '*.d' 2>/dev/null)
