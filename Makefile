# Everything that is built; `npm run build` installs what this needs and calls it.

CLANG   ?= clang
CC      ?= cc
BUILD   := build

# The mcpu every supported kernel's verifier knows; v3 has 32-bit instructions.
BPF_FLAGS    := -O2 -g -Wall -Werror -target bpf -mcpu=v3 -Ibpf/lib -MMD -MP
ADDON_FLAGS  := -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -Wall -Wextra -Werror -DNAPI_VERSION=8 -D_GNU_SOURCE \
                -Inode_modules/node-api-headers/include -MMD -MP
ADDON_SOURCES := $(wildcard native/*.c)
SANITIZE     := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LOAD_FLAGS   := -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -pthread -MMD -MP

# Sources lie beside their headers in a folder of their subject; objects are flat, by the name of their source.
agent_sources := $(wildcard bpf/*.bpf.c bpf/*/*.bpf.c)
agent_objects := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(notdir $(agent_sources)))
vpath %.bpf.c $(sort $(dir $(agent_sources)))
test_objects  := $(patsubst test/kernel/fixtures/%.bpf.c,$(BUILD)/test/%.bpf.o,$(wildcard test/kernel/fixtures/*.bpf.c))
test_preloads := $(patsubst test/kernel/fixtures/%.preload.c,$(BUILD)/test/%.so,$(wildcard test/kernel/fixtures/*.preload.c))
test_loads    := $(patsubst test/kernel/loads/%.c,$(BUILD)/test/%,$(wildcard test/kernel/loads/*.c))
# The programs as an ordinary one: test/bpf/shim stands in for libbpf's headers.
WALK_FLAGS   := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-attributes -Wno-unknown-pragmas -Wno-unused-parameter -Wno-sign-compare \
                -fno-strict-aliasing $(SANITIZE) -Itest/bpf/shim -Ibpf/lib -Ibpf/scheduler -MMD -MP

bench_objects := $(patsubst bench/bpf/%.bpf.c,$(BUILD)/bench/%.bpf.o,$(wildcard bench/bpf/*.bpf.c))
bench_loads   := $(patsubst bench/loads/%.c,$(BUILD)/bench/%,$(wildcard bench/loads/*.c))

.PHONY: all agent tests bench sanitized clean
all: $(agent_objects) $(BUILD)/earshot.node
agent: all dist/.built
tests: all $(test_objects) $(test_preloads) $(test_loads) $(BUILD)/test/walk $(BUILD)/bench/pingpong $(BUILD)/bench/messages
bench: all $(bench_objects) $(bench_loads) $(BUILD)/test/oracle.bpf.o $(BUILD)/test/spin
sanitized: tests $(BUILD)/sanitized/earshot.node
clean:
	rm -rf $(BUILD) dist

$(BUILD)/%.bpf.o: %.bpf.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

# libbpf's usdt.bpf.h wants <asm/errno.h>, which Debian has in a folder for each architecture, and to know that one.
$(BUILD)/test/usdt.bpf.o: BPF_FLAGS += -idirafter /usr/include/$(shell $(CC) -print-multiarch) \
	-D__TARGET_ARCH_$(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
$(BUILD)/test/%.bpf.o: test/kernel/fixtures/%.bpf.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

$(BUILD)/bench/%.bpf.o: bench/bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

$(BUILD)/native/%.o: native/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ADDON_FLAGS) -c $< -o $@

$(BUILD)/earshot.node: $(ADDON_SOURCES:native/%.c=$(BUILD)/native/%.o)
	$(CC) -shared $^ -o $@ -lbpf

$(BUILD)/sanitized/%.o: native/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ADDON_FLAGS) $(SANITIZE) -c $< -o $@

$(BUILD)/sanitized/earshot.node: $(ADDON_SOURCES:native/%.c=$(BUILD)/sanitized/%.o)
	$(CC) -shared $(SANITIZE) $^ -o $@ -lbpf

$(BUILD)/test/%.so: test/kernel/fixtures/%.preload.c Makefile
	@mkdir -p $(@D)
	$(CC) -shared -fPIC -Wall -Wextra -Werror $< -o $@

$(BUILD)/test/%: test/kernel/loads/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(LOAD_FLAGS) $< -o $@

$(BUILD)/walk/%.o: test/bpf/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(WALK_FLAGS) -c $< -o $@

$(BUILD)/test/walk: $(patsubst test/bpf/%.c,$(BUILD)/walk/%.o,$(wildcard test/bpf/*.c))
	@mkdir -p $(@D)
	$(CC) $(SANITIZE) $^ -o $@

$(BUILD)/bench/%: bench/loads/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(LOAD_FLAGS) $< -o $@ -lbpf

# Directories too, so that a source that is gone is noticed.
dist/.built: $(shell find src) tsconfig.json tsconfig.build.json package-lock.json
	rm -rf dist
	node_modules/node/bin/node node_modules/typescript/bin/tsc -p tsconfig.build.json
	touch $@

-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d)
