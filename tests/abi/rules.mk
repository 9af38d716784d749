# Random functions, recorded for real by the runner of tests/hard: 2,400 of them, in two builds each.
ABI_PROGRAMS ?= 12
ABI_FUNCS    ?= 200
ABI_O        := $(O)/tests/abi

$(ABI_O)/generate: $(ABI_O)/generate.o
	$(call msg,LD,$@)
	$(Q)$(CC) $(SANFLAGS) -o $@ $<

test-abi: $(ABI_O)/generate $(O)/tests/hard/hard all ## 2,400 random functions: no value may be wrong
	$(Q)rm -rf $(ABI_O)/cases && mkdir -p $(ABI_O)/cases && cp tests/hard/cases/case.h $(ABI_O)/cases/
	$(Q)$< $(ABI_O)/cases $(ABI_PROGRAMS) $(ABI_FUNCS)
	$(Q)$(O)/tests/hard/hard --few $(HARD_OPTS) $(O) $(ABI_O)/cases

test-abi-few:
	$(Q)$(MAKE) --no-print-directory test-abi ABI_PROGRAMS=2 ABI_FUNCS=100

build-integration: $(ABI_O)/generate
test-integration: test-abi-few
.PHONY: test-abi test-abi-few
