# Ratios, each measured in one run; the limits are in the programs. Needs root and a machine that has nothing else to do.
BENCHES = $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(wildcard tests/bench/bench_*.c))

$(O)/tests/bench/toys: tests/bench/toys.c tests/bench/toys.h
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE -I. -Wall -o $@ $<
$(O)/tests/bench/toys-copy: $(O)/tests/bench/toys
	$(Q)cp $< $@
$(O)/tests/bench/empty.bpf.o: tests/bench/empty.bpf.c
	$(call msg,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) -target bpf -mcpu=v3 -g -O2 -Wall -I/usr/include/$(shell $(CC) -dumpmachine) -c -o $@ $<
$(O)/tests/bench/empty.skel.h: $(O)/tests/bench/empty.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name empty_bpf > $@
$(O)/tests/bench/bench_capture.o: $(O)/tests/bench/empty.skel.h
$(BENCHES): $(O)/tests/bench/%: $(O)/tests/bench/%.o $(O)/tests/bench/ratio.o $(O)/tests/bench/stage.o $(ARCHIVES)
	$(call msg,LD,$@)
	$(Q)$(CC) $(SANFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LDLIBS)

# It starts the tests' S3 server.
STORE_OBJS = $(call objs,$(addprefix tests/support/,command.c cassette_suite.c s3_server.c fake_http.c))
$(O)/tests/bench/bench_store: $(STORE_OBJS)
$(O)/tests/bench/bench_store: private LDLIBS += -lcmocka

$(O)/tests/bench/bare: tests/bench/bare.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -Wall -o $@ $<

bench: ## what capturing and replaying cost, against the limits
	$(Q)$(MAKE) --no-print-directory -k bench-capture bench-drain bench-peers bench-replay bench-store
bench-capture: $(O)/tests/bench/bench_capture $(O)/tests/bench/toys
	$(Q)$^
bench-drain: $(O)/tests/bench/bench_drain $(O)/tests/bench/toys
	$(Q)$^
bench-peers: bench-packages $(O)/tests/bench/bench_peers $(O)/tests/bench/toys $(O)/tests/bench/toys-copy
	$(Q)$(addprefix $(O)/tests/bench/,bench_peers toys toys-copy)
bench-replay: $(O)/tests/bench/bench_replay $(O)/tests/bench/toys $(O)/tests/bench/bare all
	$(Q)tests/bench/bench_replay.sh $(O)
bench-store: bench-packages $(O)/tests/bench/bench_store
	$(Q)$(O)/tests/bench/bench_store
.PHONY: bench bench-capture bench-drain bench-peers bench-replay bench-store
