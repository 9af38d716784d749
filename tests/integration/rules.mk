# Real probes on running programs: needs root. A missing capability is a failure, not a skip.
VICTIMS     = $(addprefix $(O)/tests/integration/victims/,victim life floats-O0 floats-O2 floats-regressed \
		errnos errnos-static errnos-static-pie outlaw outlaw-lawful inside starter starter-elsewhere whims.so)
INTEGRATION = $(patsubst tests/integration/%.c,$(O)/tests/integration/%,$(wildcard tests/integration/test_*.c))
RIG_OBJS    = $(call objs,$(filter-out tests/integration/test_%,$(wildcard tests/integration/*.c)) \
		tests/support/command.c tests/support/cassette_suite.c tests/support/s3_server.c tests/support/swift_server.c tests/support/fake_http.c \
		tests/hard/mask.c)

$(O)/tests/integration/victims/%: tests/integration/victims/%.c tests/integration/victims/victim.h
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall -o $@ $< -lpthread
$(O)/tests/integration/victims/floats-%: tests/integration/victims/floats.c tests/integration/victims/floats.h
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 $(if $(filter O%,$*),-$*,-O2 -DREGRESSED) -g -D_GNU_SOURCE -Wall -o $@ $< -lpthread -lm
$(O)/tests/integration/victims/errnos%: tests/integration/victims/errnos.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall $* -o $@ $< -lpthread
$(O)/tests/integration/victims/outlaw%: tests/integration/victims/outlaw.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall $(if $*,-DLAWFUL) -o $@ $<
$(O)/tests/integration/victims/starter-elsewhere: tests/integration/victims/starter.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE -DELSEWHERE -Wall -o $@ $< -lpthread
$(O)/tests/integration/victims/%.so: tests/integration/victims/%.c $(O)/include/tapedeck/plugin.h
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall -I$(O)/include -shared -fPIC -o $@ $<
$(INTEGRATION): $(O)/tests/integration/%: $(O)/tests/integration/%.o $(RIG_OBJS) $(ARCHIVES)
	$(call msg,LD,$@)
	$(Q)$(CC) $(SANFLAGS) -o $@ $< $(RIG_OBJS) $(ARCHIVES) -lcmocka $(LDLIBS)

build-integration: $(INTEGRATION) $(VICTIMS) all
test-integration: build-integration ## real probes on running programs, as root
	$(Q)VICTIM=$(O)/tests/integration/victims/victim tests/run-unit.sh $(INTEGRATION)
.PHONY: test-integration
