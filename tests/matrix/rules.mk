# One golden recording in many builds of the example: tests/matrix/matrix.sh. NAMES="glob..." plays only those.
MATRIX_FEW = gcc-O0-pie clang-O2-nopie gcc-O3-pie clang-stripped gcc-library clang-lto gcc-asan gcc-hardened gcc-linked-static g1 gcc-inlined

test-matrix: $(O)/tapedeck $(O)/libtapedeck-replay.so $(O)/libtapedeck-replay.a $(O)/tapedeck-replay.pc ## the golden recording in every kind of build
	$(Q)tests/matrix/matrix.sh $(O) $(NAMES)

test-matrix-few: $(O)/tapedeck $(O)/libtapedeck-replay.so $(O)/examples/orders/ordersd-static
	$(Q)tests/matrix/matrix.sh $(O) $(MATRIX_FEW)
	$(Q)$(O)/tapedeck equalize -c examples/orders/orders.json --exe $(O)/examples/orders/ordersd-static \
		file:tests/golden/orders/tape

build-integration: $(O)/examples/orders/ordersd-static
test-integration: test-matrix-few
.PHONY: test-matrix test-matrix-few
