# Sluice's build. `make help` lists the targets; CONTRIBUTING.md explains the layout.
#
#   build/sluice            the program, optimised
#   build/san/sluice        the same under AddressSanitizer and UBSan
#   build/san/tests/unit/   one binary for each tests/unit/**/test_*.c
#   build/venv/             Python tools of the tests
#   build/train-venv/       what `make train` trains with
#   build/kafka/            Apache Kafka's jars, and the data of `make kafka`

VERSION := 0.1.0
BUILD   ?= build
SHARED  ?= ../shared
PYTHON  ?= python3
CONFIG  ?= $(if $(filter 1,$(KAFKA)),sluice-kafka.yaml,sluice.yaml)
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)
export SHARED BUILD CC

# ---- sources ---------------------------------------------------------------------------------

DIRS := service/base service/txn service/state service/engine service/lists service/trial \
        service/release service/io service/cli service rules models api
SRCS := $(wildcard $(addsuffix /*.c,$(DIRS)) $(addsuffix /*.cc,$(DIRS)))
HDRS := $(wildcard $(addsuffix /*.h,$(DIRS)))
MAIN := service/main.c
LIB  := $(filter-out $(MAIN),$(SRCS))

# Below tests/unit a file is a test (test_*.c, a binary of its own) or support, linked into all.
UNIT_ALL     := $(shell find tests/unit -name '*.c' 2>/dev/null | LC_ALL=C sort)
UNIT_TESTS   := $(foreach f,$(UNIT_ALL),$(if $(filter test_%,$(notdir $f)),$f))
UNIT_SUPPORT := $(filter-out $(UNIT_TESTS),$(UNIT_ALL))
# A fuzz target defines LLVMFuzzerTestOneInput; standalone.c gives it a main without libFuzzer.
# The others are linked into all: libFuzzer looks for LLVMFuzzerInitialize, and an archive would
# not give it.
FUZZ_TESTS   := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_SUPPORT := $(filter-out $(FUZZ_TESTS) $(if $(LIBFUZZER),tests/fuzz/standalone.c), \
                  $(wildcard tests/fuzz/*.c))

# ---- flags -----------------------------------------------------------------------------------

# `make CC=clang BUILD=build/clang` builds beside gcc's objects.
ifeq ($(origin CC),default)
CC := gcc
endif
# C++ is for what talks to RE2 alone (rules/cel_regex.cc). Its compiler is the C compiler's brother,
# for their sanitizers must be of one kind; CC links, and brings the C++ library in by name.
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),$(subst gcc,g++,$(CC)))
endif
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(WERROR),-Werror)
CPPFLAGS := -I. -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"'
CSTD     := -std=gnu11 -pthread -fno-strict-aliasing -fno-common
CXXSTD   := -std=c++17 -fno-exceptions -pthread
RELEASE  := -O2 -g -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
HARDEN   := -pie -Wl,-z,relro,-z,now
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
            $(if $(LIBFUZZER),-fsanitize=fuzzer-no-link)
PKGS     := libmicrohttpd hiredis jansson yaml-0.1 libuv libsodium libxxhash libdeflate \
            rdkafka re2 libarchive libcurl

# Asked only by a recipe that compiles, and once: `make help` and `make deps` need no compiler.
pkg       = $(or $(shell pkg-config $1 $2),$(if $(shell pkg-config --exists $2 2>/dev/null && \
              echo yes),,$(error a build package is missing ($2): run `make deps`)))
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(call pkg,--cflags,$(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(call pkg,--libs,$(PKGS)))$(PKG_LIBS)
CMOCKA     = $(eval CMOCKA := $$(call pkg,--libs,cmocka))$(CMOCKA)
LIBS       = $(PKG_LIBS) -lstdc++ -pthread -lm

export ASAN_OPTIONS  ?= detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1

# ---- what is built ---------------------------------------------------------------------------

objects_of    = $(patsubst %.c,$1/%.o,$(patsubst %.cc,$1/%.cc.o,$2))
OBJS         := $(call objects_of,$(BUILD),$(SRCS))
LIB_OBJS     := $(call objects_of,$(BUILD),$(LIB))
SAN          := $(BUILD)/san
SAN_OBJS     := $(call objects_of,$(SAN),$(SRCS))
SAN_LIB_OBJS := $(call objects_of,$(SAN),$(LIB))
SAN_SUPPORT  := $(UNIT_SUPPORT:%.c=$(SAN)/%.o)
UNIT_BINS    := $(UNIT_TESTS:%.c=$(SAN)/%)
FUZZ_BINS    := $(FUZZ_TESTS:%.c=$(SAN)/%)
VENV         := $(BUILD)/venv
TRAIN_VENV   := $(BUILD)/train-venv
KAFKA_LIBS   := $(BUILD)/kafka/libs
# `make unit T=` sets LENIENT: it links what compiles, so that a file half written elsewhere
# stops only the tests that need it.
have          = $(if $(LENIENT),$(wildcard $1),$1)

# One build at a time in a checkout; what was built then runs outside the lock.
LOCKED = mkdir -p $(BUILD) && flock $(BUILD)/.lock $(MAKE) --no-print-directory \
         $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
# Not .SECONDARY: a missing archive would then count as up to date.
.PRECIOUS: $(SAN)/%.o $(BUILD)/%.o
.PHONY: all run test unit fuzz differential system hostile train parity bench packs chaos tidy \
        lint-deep format docs conformance deps deps-test \
        venv kafka kafka-stop docker-try clean help objects test-build

all: ## build/sluice (the default)
	+@$(LOCKED) $(BUILD)/sluice

$(BUILD)/sluice: $(OBJS)
	$(CC) $(HARDEN) -o $@ $^ $(LIBS)

$(BUILD)/libsluice.a: $(LIB_OBJS)
	@rm -f $@
	ar rcs $@ $^

$(SAN)/sluice: $(SAN_OBJS)
	$(CC) $(SANITIZE) -o $@ $^ $(LIBS)

$(SAN)/libsluice.a: $(call have,$(SAN_LIB_OBJS) $(SAN_SUPPORT))
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

$(SAN)/tests/unit/%: $(SAN)/tests/unit/%.o $(SAN)/libsluice.a
	$(CC) $(SANITIZE) -o $@ $^ $(CMOCKA) $(LIBS)

# With LIBFUZZER set its main is libFuzzer's.
$(SAN)/tests/fuzz/%: $(SAN)/tests/fuzz/%.o $(FUZZ_SUPPORT:%.c=$(SAN)/%.o) $(SAN)/libsluice.a
	$(CC) $(SANITIZE) $(if $(LIBFUZZER),-fsanitize=fuzzer) -o $@ $^ $(LIBS)

# Programs of the bench and the like: build/tests/bench/x from tests/bench/x.c, optimised.
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libsluice.a
	$(CC) $(HARDEN) -o $@ $^ $(LIBS)

# The bench's floor is the library alone: the archive has a function that stands in for one of
# libmicrohttpd's (api/library_pages.h), and would bring it in.
$(BUILD)/tests/bench/bare: $(addprefix $(BUILD)/,tests/bench/bare.o service/base/check.o \
                             service/base/clock.o)
	$(CC) $(HARDEN) -o $@ $^ $(LIBS)

# What tests/system/test_alloc.py loads before the program.
$(BUILD)/tests/system/alloc_count.so: tests/system/alloc_count.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(WARN) $(CPPFLAGS) -O2 -g -fPIC -shared -o $@ $<

# gcc leaves the old object where a source does not compile, and the archive has it too; LENIENT
# would link either. So both go first.
$(SAN)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@rm -f $@ $(if $(filter $@,$(SAN_LIB_OBJS) $(SAN_SUPPORT)),$(SAN)/libsluice.a)
	$(CC) $(CSTD) $(WARN) $(CPPFLAGS) $(PKG_CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@rm -f $@
	$(CC) $(CSTD) $(WARN) $(CPPFLAGS) $(PKG_CFLAGS) $(RELEASE) -MMD -MP -c -o $@ $<

$(SAN)/%.cc.o: %.cc Makefile
	@mkdir -p $(@D)
	@rm -f $@ $(SAN)/libsluice.a
	$(CXX) $(CXXSTD) $(WARN) $(CPPFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

$(BUILD)/%.cc.o: %.cc Makefile
	@mkdir -p $(@D)
	@rm -f $@
	$(CXX) $(CXXSTD) $(WARN) $(CPPFLAGS) $(RELEASE) -MMD -MP -c -o $@ $<

# The program holds the contracts; the compiler's list of includes misses them.
$(BUILD)/api/on_contract.o $(SAN)/api/on_contract.o: openapi.yaml asyncapi.yaml

# ---- run and test ----------------------------------------------------------------------------

KAFKA_PORT ?= 9092
REDIS_PORT ?= 6390
PARTITIONS ?= 1
run: deps ## install what is missing, build, serve on 127.0.0.1:8080; KAFKA=1 between topics
ifeq ($(KAFKA),1)
	@sh .ci/packages.sh kafka try
	@$(MAKE) --no-print-directory -s $(KAFKA_LIBS)/.made
	+@$(LOCKED) $(BUILD)/sluice
	@$(PYTHON) tests/system/run_kafka.py --config $(CONFIG) --partitions $(PARTITIONS) \
	    --kafka-port $(KAFKA_PORT) --redis-port $(REDIS_PORT)
else
	+@$(LOCKED) $(BUILD)/sluice
	$(BUILD)/sluice serve -c $(CONFIG)
endif

# tests/run.py builds `test-build` itself, so that what does not build is counted as failed.
test: deps-test ## everything that can fail, in one count: lints, unit, fuzz, rule and system tests
	@$(PYTHON) tests/run.py all

test-build: $(BUILD)/sluice $(SAN)/sluice $(BUILD)/tests/system/alloc_count.so $(UNIT_BINS) \
            $(FUZZ_BINS) $(addsuffix .o,$(UNIT_BINS) $(FUZZ_BINS))
objects: $(SAN_LIB_OBJS) $(SAN_SUPPORT)

unit: ## unit tests under sanitizers; T=tests/unit/rules/test_cel_vm for one
ifdef T
	@test -f $(T:%.c=%).c || { echo "make unit: there is no $(T:%.c=%).c" >&2; exit 2; }
	+@$(LOCKED) -s -k objects || \
	    echo "make unit: some files do not compile; linking the others" >&2
	+@$(LOCKED) -s LENIENT=1 $(SAN)/$(T:%.c=%)
	$(SAN)/$(T:%.c=%)
else
	@$(PYTHON) tests/run.py unit
endif

FUZZ_NAMES = $(if $(T),$(T:%.c=%),$(FUZZ_TESTS:%.c=%))
fuzz: ## fuzz targets for a moment each; MINUTES=n under libFuzzer, T=tests/fuzz/fuzz_x for one
ifdef MINUTES
	@sh .ci/packages.sh build fuzz
	+@$(LOCKED) -s CC=clang BUILD=$(BUILD)/fuzz LIBFUZZER=1 $(FUZZ_NAMES:%=$(BUILD)/fuzz/san/%)
	+@$(if $(T),true,$(LOCKED) -s $(BUILD)/sluice)
	@$(PYTHON) tests/fuzz/campaign.py --minutes $(MINUTES) $(if $(T),$(notdir $(FUZZ_NAMES)))
else
	@$(PYTHON) tests/run.py fuzz
endif

COUNT ?= 100000
SEED  ?= 1
differential: ## generated expressions, ours against cel-go's; COUNT=1000000 SEED=1; needs Go
	+@$(LOCKED) $(BUILD)/sluice
	@$(PYTHON) tests/differential/run.py --count $(COUNT) --seed $(SEED) --sluice $(BUILD)/sluice \
	    || test $$? -eq 77

system: ## system tests; T=tests/system/test_x.py for one file
	@$(PYTHON) tests/run.py system $(T)

# Numbers FIRST to FIRST + MUTANTS, the same files each time; what was wrong stays in build/hostile.
MUTANTS ?= 10000
FIRST   ?= 0
hostile: deps-test ## model files that are nearly one, sent to a service; MUTANTS=10000
	+@$(LOCKED) $(SAN)/sluice
	@SLUICE_BIN=$(SAN)/sluice $(VENV)/bin/python tests/system/hostile_models.py \
	    --count $(MUTANTS) --first $(FIRST) --keep $(BUILD)/hostile

conformance: deps-test ## published data and test suites from SHARED (default ../shared)
	+@$(LOCKED) $(BUILD)/sluice
	bash tests/conformance/run.sh

chaos: deps-test ## the handbook through Kafka while all is killed, paused and joined: minutes
	@$(LOCKED) $(BUILD)/sluice
	bash tests/conformance/chaos.sh

packs: ## what the rule packs find on a generated bank; WRITE=1 puts it into their pages
	+@$(LOCKED) $(BUILD)/sluice
	@SLUICE_BIN=$(BUILD)/sluice $(PYTHON) tests/rules/measure_packs.py $(if $(WRITE),--write)

ROWS ?= 100000
parity: deps-test ## scores and contributions beside the training libraries' own; ROWS=100000
	+@$(LOCKED) $(BUILD)/sluice
	@PARITY_ROWS=$(ROWS) SLUICE_BIN=$(BUILD)/sluice OMP_NUM_THREADS=1 \
	    $(VENV)/bin/python -m pytest -q -rP -p no:cacheprovider -n $(JOBS) tests/parity | grep -v '^-* *$$'

# With EVENTS=FILE of your own events and labels, by the ruleset of CONFIG, instead of generated.
TRAIN ?= xgboost
train: ## a model, from events to its card, into build/train; TRAIN=, EVENTS=, CONFIG=, INPUTS=
	+@$(LOCKED) $(BUILD)/sluice $(TRAIN_VENV)/.made
	@$(TRAIN_VENV)/bin/python models/train/train.py --sluice $(BUILD)/sluice --config $(CONFIG) \
	    --output $(BUILD)/train --library $(TRAIN) $(if $(EVENTS),--events $(EVENTS)) \
	    $(if $(INPUTS),--inputs $(INPUTS)) $(if $(CATEGORIES),--categories $(CATEGORIES))

bench: deps-test ## throughput and latency, into build/bench.json and a table
	@sh .ci/packages.sh bench
	+@$(LOCKED) $(BUILD)/sluice
	bash tests/bench/run.sh

# ---- the source itself -----------------------------------------------------------------------

tidy: ## format, layers, headers, names, lines: the lints, seconds
	@$(PYTHON) tests/run.py lint

lint-deep: ## clang-tidy over every source; minutes
	@sh tests/lint/clang_tidy.sh

format: ## clang-format every C file in place
	@$(PYTHON) tests/lint/sources.py | xargs clang-format -i

docs: $(BUILD)/sluice $(VENV)/.made ## CONFIGURATION.md, rules/schemas; is openapi.yaml valid?
	@sh tests/lint/docs.sh --write

# ---- packages and the rest -------------------------------------------------------------------

deps: ## install missing packages for building
	@sh .ci/packages.sh build

deps-test: ## install missing packages for testing, the Python environment, and Kafka
	@sh .ci/packages.sh build test
	@$(MAKE) --no-print-directory -s venv || \
	    echo "make: no Python environment; the tests that need it are skipped" >&2
	@{ sh .ci/packages.sh kafka && $(MAKE) --no-print-directory -s $(KAFKA_LIBS)/.made; } || \
	    echo "make: no Kafka; the tests that need it are skipped" >&2

BROKERS ?= 1
kafka: ## a real Kafka at KAFKA_PORT (9092) of 127.0.0.1, for development; BROKERS=3 for a quorum
	@sh .ci/packages.sh kafka
	@$(MAKE) --no-print-directory -s $(KAFKA_LIBS)/.made
	@$(PYTHON) tests/system/kafka_broker.py start --brokers $(BROKERS) --port $(KAFKA_PORT)

kafka-stop: ## end what `make kafka` started; its data stays in build/kafka
	@$(PYTHON) tests/system/kafka_broker.py stop

docker-try: ## docker/Dockerfile without Docker: its steps in a chroot, its image; root, minutes
	@$(PYTHON) tests/docker/try_dockerfile.py

# The stamp is the last to be there: half a set of jars is none.
$(KAFKA_LIBS)/.made: tests/system/kafka/pom.xml
	@echo "fetching Apache Kafka into $(KAFKA_LIBS) for $<"
	@rm -rf $(KAFKA_LIBS)
	@timeout 300 mvn -B -q -C -Dstyle.color=never -f $< dependency:copy-dependencies \
	    -DoutputDirectory=$(abspath $(KAFKA_LIBS)) </dev/null
	@touch $@

venv: $(VENV)/.made

# The stamp holds what was installed: tests/run.py compares it.
$(VENV)/.made: tests/requirements.txt
$(TRAIN_VENV)/.made: models/train/requirements.txt
$(VENV)/.made $(TRAIN_VENV)/.made:
	@echo "making $(@D) from $<"
	@mkdir -p $(BUILD)
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@cp $< $@

clean: ## remove what was built (and build/journal, build/kafka), but for the Python environment
	@[ ! -d $(BUILD)/kafka ] || $(PYTHON) tests/system/kafka_broker.py stop
	@mkdir -p $(BUILD) && flock $(BUILD)/.lock find $(BUILD) -mindepth 1 -maxdepth 1 \
	    ! -name venv ! -name train-venv ! -name .lock -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
	    while IFS="$$(printf '\t')" read -r name text; do printf '  %-12s %s\n' "$$name" "$$text"; done

-include $(OBJS:.o=.d) $(SAN_OBJS:.o=.d) $(SAN_SUPPORT:.o=.d) \
         $(addsuffix .d,$(UNIT_BINS) $(FUZZ_BINS)) \
         $(wildcard $(BUILD)/tests/*/*.d $(SAN)/tests/fuzz/*.d)
