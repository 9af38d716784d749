# The example service, built three ways from one source, and its load generator.
ORDERS_SRC = $(addprefix examples/orders/,ordersd.c orders.c store.c notify.c journal.c)
ORDERS_HDR = examples/orders/orders.h
ORDERS_CFLAGS = -std=gnu11 -O2 -g -Wall -Wextra
ORDERS = $(addprefix $(O)/examples/orders/,ordersd ordersd-refactored ordersd-regressed orderload)

$(O)/examples/orders/ordersd-refactored: private VARIANT = -DREFACTORED
$(O)/examples/orders/ordersd-regressed: private VARIANT = -DREGRESSED
$(addprefix $(O)/examples/orders/,ordersd ordersd-refactored ordersd-regressed): $(ORDERS_SRC) $(ORDERS_HDR)
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ORDERS_CFLAGS) $(VARIANT) -o $@ $(ORDERS_SRC) -lsqlite3 -lpthread
$(O)/examples/orders/orderload: examples/orders/orderload.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ORDERS_CFLAGS) -o $@ $< -lpthread

examples: $(ORDERS)
