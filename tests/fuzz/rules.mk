# tests/fuzz/fuzz_<name>.c is a libFuzzer target, tests/fuzz/corpus/<name>/ what it starts from. A fixed bug leaves
# its input there; tests/fuzz/<name>.dict, where there is one, has the words to try. What a run finds stays under
# $(O)/fuzz.
FUZZ_SECONDS ?= 20
FUZZ_O       := $(O)/fuzz
FUZZ_SAN     := address,undefined
FUZZ_NAMES   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

fuzz: $(addprefix fuzz-,$(FUZZ_NAMES)) ## each fuzz target for FUZZ_SECONDS (20)

fuzz-%: $(FUZZ_O)/fuzz_%
	$(call msg,FUZZ,$* for $(FUZZ_SECONDS) s)
	$(Q)mkdir -p $(FUZZ_O)/corpus/$* tests/fuzz/corpus/$*
	$(Q)UBSAN_OPTIONS=print_stacktrace=1 $< -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=8192 -verbosity=0 -print_final_stats=1 \
		$(addprefix -dict=,$(wildcard tests/fuzz/$*.dict)) \
		-artifact_prefix=$(FUZZ_O)/$*- $(FUZZ_O)/corpus/$* tests/fuzz/corpus/$*

$(FUZZ_O)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_O)/libtape.a
	$(call msg,LD,$@)
	$(Q)$(CLANG) $(ALL_CFLAGS) -fsanitize=fuzzer,$(FUZZ_SAN) -fno-sanitize-recover=all -o $@ $< $(FUZZ_O)/libtape.a $(LDLIBS)

# The archive as a build of its own: by clang, with the coverage that the fuzzer steers by.
$(FUZZ_O)/libtape.a: $(wildcard lib/*.[ch])
	$(Q)$(MAKE) --no-print-directory O=$(FUZZ_O) CC=$(CLANG) SAN=fuzzer-no-link,$(FUZZ_SAN) $@

.PHONY: fuzz
