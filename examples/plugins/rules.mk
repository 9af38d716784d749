# Plug-ins for replays of the example service.
PLUGINS = $(addprefix $(O)/examples/plugins/,price_check.so later.so)

$(O)/examples/plugins/%.so: examples/plugins/%.c $(O)/include/tapedeck/plugin.h
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -I$(O)/include -shared -fPIC -o $@ $< -lcjson -lm

examples: $(PLUGINS)
