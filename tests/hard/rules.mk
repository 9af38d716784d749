# tests/hard: see its README.md. CASES="name..." runs only those; HARD_OPTS hands options to the runner.
HARD_O    := $(O)/tests/hard
HARD_OBJS  = $(call objs,$(wildcard tests/hard/*.c) tests/support/command.c)

$(HARD_O)/hard: $(HARD_OBJS) $(O)/libtape.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(SANFLAGS) -o $@ $(HARD_OBJS) $(O)/libtape.a -lcmocka $(LDLIBS)

test-hard: $(HARD_O)/hard all ## every hard case in all its builds, by both engines, as root
	$(Q)$< $(HARD_OPTS) $(O) tests/hard/cases $(CASES)
	$(Q)$< --inside $(HARD_OPTS) $(O) tests/hard/cases $(CASES)

test-hard-few: $(HARD_O)/hard all
	$(Q)$< --few $(HARD_OPTS) $(O) tests/hard/cases $(CASES)
	$(Q)$< --one --inside $(HARD_OPTS) $(O) tests/hard/cases $(CASES)

build-integration: $(HARD_O)/hard
test-integration: test-hard-few
.PHONY: test-hard test-hard-few
