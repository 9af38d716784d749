# The example service, built three ways from one source, and its load generator.
ORDERS_SRC = $(addprefix examples/orders/,ordersd.c orders.c store.c notify.c journal.c)
ORDERS_HDR = examples/orders/orders.h
ORDERS_CFLAGS = -std=gnu11 -O2 -g -Wall -Wextra
ORDERS = $(addprefix $(O)/examples/orders/,ordersd ordersd-refactored ordersd-regressed ordersd-static orderload)

$(O)/examples/orders/ordersd-refactored: private VARIANT = -DREFACTORED
$(O)/examples/orders/ordersd-regressed: private VARIANT = -DREGRESSED
$(addprefix $(O)/examples/orders/,ordersd ordersd-refactored ordersd-regressed): $(ORDERS_SRC) $(ORDERS_HDR)
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ORDERS_CFLAGS) $(VARIANT) -o $@ $(ORDERS_SRC) -lsqlite3 -lpthread
# A static program carries the engine in itself, by the line that pkg-config gives. What the linker says of dlopen is SQLite's.
REPLAY_LIBS = $$(PKG_CONFIG_PATH=$(O) pkg-config --define-variable=libdir=$(O) --libs tapedeck-replay)
$(O)/examples/orders/ordersd-static: $(ORDERS_SRC) $(ORDERS_HDR) $(O)/libtapedeck-replay.a $(O)/tapedeck-replay.pc
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && { $(CC) $(ORDERS_CFLAGS) -static -o $@ $(ORDERS_SRC) $(REPLAY_LIBS) -lsqlite3 -lpthread -lm \
		2> $@.said || { cat $@.said; false; }; }
$(O)/examples/orders/orderload: examples/orders/orderload.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ORDERS_CFLAGS) -o $@ $< -lpthread

examples: $(ORDERS)
