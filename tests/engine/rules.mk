# The replay engine in victims of its own: tests/engine/victim.c, built as a user would build it.
ENGINE_O := $(O)/tests/engine

$(ENGINE_O)/libvictim.so: tests/engine/library.c
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D)/newer && $(CC) -O2 -g -fPIC -shared -Wl,-soname,libvictim.so -o $@ $<
	$(Q)$(CC) -DNEWER -O2 -g -fPIC -shared -Wl,-soname,libvictim.so -o $(@D)/newer/libvictim.so $<

$(ENGINE_O)/victim: tests/engine/victim.c tests/engine/victim.h $(ENGINE_O)/libvictim.so
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -I. -Wall -Wno-infinite-recursion -Wno-array-bounds -O2 -g -fno-ipa-cp -fno-ipa-sra \
		-Wl,--build-id=sha1 -o $@ $< -L$(@D) -lvictim -Wl,-rpath,'$$ORIGIN' -lpthread

ENGINE_TESTS = $(ENGINE_O)/test_served $(ENGINE_O)/test_ready
ENGINE_OBJS  = $(ENGINE_O)/fixture.o $(ENGINE_O)/kit.o

$(ENGINE_TESTS): %: %.o $(ENGINE_OBJS) $(ARCHIVES)
	$(call msg,LD,$@)
	$(Q)$(CC) $(SANFLAGS) -o $@ $< $(ENGINE_OBJS) $(ARCHIVES) -lcmocka $(LDLIBS)

build-unit: $(ENGINE_TESTS) $(ENGINE_O)/victim
test-engine: $(ENGINE_TESTS) $(ENGINE_O)/victim $(O)/libtapedeck-replay.so ## the replay engine inside a program
	$(Q)for t in $(ENGINE_TESTS); do $$t $(ENGINE_O)/victim $(O)/libtapedeck-replay.so || exit 1; done

test-unit: test-engine
.PHONY: test-engine
