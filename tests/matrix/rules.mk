# One golden recording in many builds of the example: tests/matrix/matrix.sh. NAMES="glob..." plays only those.
MATRIX_FEW = gcc-O0-pie clang-O2-nopie gcc-O3-pie clang-stripped gcc-library clang-lto gcc-asan gcc-hardened g1 gcc-inlined

test-matrix: $(O)/tapedeck $(O)/libtapedeck-replay.so ## the golden recording in every kind of build
	$(Q)tests/matrix/matrix.sh $(O) $(NAMES)

test-matrix-few: $(O)/tapedeck $(O)/libtapedeck-replay.so
	$(Q)tests/matrix/matrix.sh $(O) $(MATRIX_FEW)

test-integration: test-matrix-few
.PHONY: test-matrix test-matrix-few
