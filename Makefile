# The facade. `make` builds, `make demo` shows the whole loop on real flights, `make test` is what CI runs.
# Each target installs what it needs (Debian, PyPI and npm packages, pinned) and does nothing the second time.
JOBS ?= $(shell nproc)
RELEASE = build/release
TEST = build/test
CMAKE = cmake -G Ninja -S .

all: fettle

packages:
	@tools/setup/packages
python: packages
	@tools/setup/python
ui: packages
	@tools/setup/ui

# The product: build/fettle, with the web UI embedded.
fettle: ui
	@$(CMAKE) -B $(RELEASE) -DFETTLE_TESTS=OFF >$(RELEASE).log 2>&1 || (cat $(RELEASE).log; exit 1)
	@ninja -C $(RELEASE) -j$(JOBS) --quiet fettle
	@ln -sfn release/bin/fettle build/fettle
	@ln -sfn ../../deps/lib/libonnxruntime.so $(RELEASE)/bin/libonnxruntime.so

# Unit tests and the server, with AddressSanitizer and UBSan.
sanitized: ui
	@$(CMAKE) -B $(TEST) -DFETTLE_SANITIZE=ON >$(TEST).log 2>&1 || (cat $(TEST).log; exit 1)
	@ninja -C $(TEST) -j$(JOBS) --quiet

demo: fettle python
	@examples/flights/demo

test: fettle sanitized python
	@tests/run

test-long: fettle sanitized python
	@tests/run --long

bench: fettle python
	@bench/run

fuzz: packages
	@fuzz/run

check: packages
	@tools/format --check
	@tools/tidy
	@$(MAKE) --no-print-directory test

fmt: packages
	@tools/format

PREFIX ?= /usr/local
install: fettle
	install -Dm755 $(RELEASE)/bin/fettle $(DESTDIR)$(PREFIX)/bin/fettle

# Keeps the installed packages in build/deps; remove build/ for everything.
clean:
	rm -rf $(RELEASE) $(TEST) build/tsan build/fuzz build/ui build/demo build/fettle build/*.log

.PHONY: all packages python ui fettle sanitized demo test test-long bench fuzz check fmt install clean
