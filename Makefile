# Everything that is built; `npm run build` installs what this needs and calls it.

CLANG   ?= clang
CC      ?= cc
BUILD   := build
LIBBPF  := -lbpf

# Of the kernel that loads the BPF objects, as libbpf's headers call it.
ARCH         := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell $(CC) -dumpmachine | cut -d- -f1)))
# The mcpu every supported kernel's verifier knows; v3 has 32-bit instructions.
BPF_FLAGS    := -O2 -g -Wall -Werror -target bpf -D__TARGET_ARCH_$(ARCH) -mcpu=v3 -Ibpf/lib -MMD -MP
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

LINES_FLAGS  := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-attributes -Wno-unknown-pragmas -Wno-unused-parameter -Wno-unused-function \
                -Wno-sign-compare -fno-strict-aliasing -D_GNU_SOURCE -Itest/bpf/shim -Itest/bpf -Ibpf/lib -Ibpf/scheduler -MMD -MP

bench_objects := $(patsubst bench/bpf/%.bpf.c,$(BUILD)/bench/%.bpf.o,$(wildcard bench/bpf/*.bpf.c))
bench_loads   := $(patsubst bench/loads/%.c,$(BUILD)/bench/%,$(wildcard bench/loads/*.c))

.PHONY: all agent tests bench sanitized arm64 arm64-tests vm clean
# The package takes all objects that there are: none of them may be older than its source.
former_objects := $(filter-out $(agent_objects),$(wildcard $(BUILD)/*.bpf.o))
all: $(agent_objects) $(BUILD)/earshot.node
	@$(if $(former_objects),rm -f $(former_objects))
agent: all dist/.built
tests: all $(test_objects) $(test_preloads) $(test_loads) $(BUILD)/test/walk $(BUILD)/bench/pingpong $(BUILD)/bench/messages
bench: all $(bench_objects) $(bench_loads) $(BUILD)/bench/node $(BUILD)/bench/node-runqlat $(BUILD)/test/oracle.bpf.o $(BUILD)/test/spin
sanitized: tests $(BUILD)/sanitized/earshot.node
# What x86-64 can check of arm64: the BPF objects with its barriers, and that the addon compiles. Linking takes a libbpf
# for arm64: `arm64-tests` does it.
arm64:
	$(MAKE) --silent BUILD=$(BUILD)/arm64 CC=aarch64-linux-gnu-gcc CPPFLAGS='-idirafter /usr/include' \
		$(agent_objects:$(BUILD)/%=$(BUILD)/arm64/%) $(ADDON_SOURCES:native/%.c=$(BUILD)/arm64/native/%.o)
# What runs in a virtual machine of it; ARM64_ROOT: what test/vm/arm64-root.ts has fetched. vmlinux.h has no registers of arm64.
arm64-tests:
	$(MAKE) --silent BUILD=$(BUILD)/arm64 CC=aarch64-linux-gnu-gcc CPPFLAGS='-idirafter /usr/include' \
		LIBBPF='$(ARM64_ROOT)/lib/libbpf.so.1 -Wl,--allow-shlib-undefined' vm
vm: $(agent_objects) $(BUILD)/earshot.node $(filter-out %/usdt.bpf.o,$(test_objects)) $(test_preloads) $(test_loads) $(BUILD)/bench/pingpong $(BUILD)/bench/messages
clean:
	rm -rf $(BUILD) dist

$(BUILD)/%.bpf.o: %.bpf.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

# libbpf's usdt.bpf.h wants <asm/errno.h>, which Debian has in a folder for each architecture.
$(BUILD)/test/usdt.bpf.o: BPF_FLAGS += -idirafter /usr/include/$(shell $(CC) -print-multiarch)
$(BUILD)/test/%.bpf.o: test/kernel/fixtures/%.bpf.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

$(BUILD)/bench/%.bpf.o: bench/bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

$(BUILD)/native/%.o: native/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ADDON_FLAGS) $(CPPFLAGS) -c $< -o $@

$(BUILD)/earshot.node: $(ADDON_SOURCES:native/%.c=$(BUILD)/native/%.o)
	$(CC) -shared $^ -o $@ $(LIBBPF)

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

# The same programs with a call before each access to memory.
$(BUILD)/lines/%.o: bench/lines/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(LINES_FLAGS) -c $< -o $@
$(BUILD)/lines/node.o: LINES_FLAGS += -fsanitize=thread

$(BUILD)/lines/node-runqlat.o: bench/lines/node.c Makefile
	@mkdir -p $(@D)
	$(CC) $(LINES_FLAGS) -fsanitize=thread -DRUNQLAT -c $< -o $@

lines_objects := $(patsubst bench/lines/%.c,$(BUILD)/lines/%.o,$(filter-out bench/lines/node.c,$(wildcard bench/lines/*.c)))
$(BUILD)/bench/node $(BUILD)/bench/node-runqlat: $(BUILD)/bench/%: $(BUILD)/lines/%.o $(lines_objects)
	@mkdir -p $(@D)
	$(CC) -rdynamic $^ -o $@

$(BUILD)/bench/%: bench/loads/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(LOAD_FLAGS) $< -o $@ $(LIBBPF)

# Directories too, so that a source that is gone is noticed.
dist/.built: $(shell find src) tsconfig.json tsconfig.build.json package-lock.json
	rm -rf dist
	node_modules/node/bin/node node_modules/typescript/bin/tsc -p tsconfig.build.json
	touch $@

-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d)
