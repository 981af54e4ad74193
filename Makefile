# The doors of the project. `make` lists them.
#
# Variables worth setting on the command line:
#   PREFIX=/usr/local DESTDIR=     where install puts things
#   SCENARIO=network-hop PROFILE=quick ARGS=   what run measures
#   FILTER=                        which tests run (a regular expression)
#   UNITDIR=                       where install-nightly puts units; systemd looks in /usr/local, /usr and /etc
#   FUZZ='--seed 2 --inputs 5000000'   what fuzz tries
#   SWIFT=swift BUILD_DIR=.build   the toolchain, and where it builds

PREFIX   ?= /usr/local
DESTDIR  ?=
SCENARIO ?= network-hop
PROFILE  ?= quick
ARGS     ?=
FILTER   ?=
FUZZ     ?=
SWIFT    ?= swift
BUILD_DIR ?= .build

bindir        := $(PREFIX)/bin
libexecdir    := $(PREFIX)/libexec/bench
scenariodir   := $(PREFIX)/share/bench/scenarios
mandir        := $(PREFIX)/share/man/man1
bashcompdir   := $(PREFIX)/share/bash-completion/completions
zshcompdir    := $(PREFIX)/share/zsh/site-functions
fishcompdir   := $(PREFIX)/share/fish/vendor_completions.d
UNITDIR       ?= $(PREFIX)/lib/systemd/system

# The Swift runtime goes into the executables, so that the installed program needs no toolchain. By product: what only
# tests use does not build without them.
SWIFT_BUILD := $(SWIFT) build --configuration release --static-swift-stdlib --scratch-path $(BUILD_DIR)
RELEASE     := $(BUILD_DIR)/release
STAGE       := $(BUILD_DIR)/stage
BUILT       := $(BUILD_DIR)/release.stamp
STAGED      := $(STAGE)/bench $(STAGE)/_bench $(STAGE)/bench.fish $(STAGE)/bench.1

SOURCES        := Package.swift $(shell find Sources -type f)
SCENARIOS      := $(wildcard scenarios/*.yaml)
SUITES         := $(wildcard scenarios/suites/*.yaml)
SWIFT_CODE     := $(wildcard Package.swift Sources Tests Benchmarks)
UNITS          := $(wildcard deploy/systemd/bench-nightly.*)
SHELL_SCRIPTS  := $(wildcard .ci/run scripts/*.sh Benchmarks/*.sh Benchmarks/*/*.sh)

export SWIFT BUILD_DIR

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help deps build run test fuzz lint format benchmarks samples stage writable install uninstall clean
.PHONY: install-nightly uninstall-nightly
.NOTPARALLEL:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

deps: ## install what building needs, or say what to install
	@scripts/deps.sh

build: deps ## build bench and bench-worker for release
	@$(SWIFT_BUILD) --product bench
	@$(SWIFT_BUILD) --product bench-worker
	@touch $(BUILT)

run: build ## measure: bench run $(SCENARIO) --profile $(PROFILE) $(ARGS)
	@scripts/run.sh $(RELEASE)/bench run $(SCENARIO) --profile $(PROFILE) $(ARGS)

test: build ## run every test; as root, privileged suites must run too
	@scripts/deps.sh test
	@FILTER='$(FILTER)' scripts/test.sh

fuzz: deps ## try a million broken frames and files on the capture readers
	@$(SWIFT_BUILD) --product capture-fuzz
	@$(RELEASE)/capture-fuzz --save $(BUILD_DIR) $(FUZZ)

lint: ## check the format of Swift code, shell scripts, and what deploy/ holds
	@scripts/deps.sh $(if $(CI),lint,swift)
	@status=0; \
	echo '$(SWIFT) format lint $(SWIFT_CODE)'; \
	$(SWIFT) format lint --strict --recursive --parallel $(SWIFT_CODE) || status=1; \
	if command -v shellcheck >/dev/null; then \
	  echo 'shellcheck $(SHELL_SCRIPTS)'; \
	  shellcheck $(SHELL_SCRIPTS) || status=1; \
	else \
	  echo 'shellcheck is not installed: shell scripts were not checked ("scripts/deps.sh lint" installs it).'; \
	fi; \
	scripts/deploy.sh; code=$$?; \
	if [ $$code -ne 0 ] && { [ $$code -ne 69 ] || [ -n '$(CI)' ]; }; then status=1; fi; \
	exit $$status

format: ## format Swift code in place
	@scripts/deps.sh swift
	$(SWIFT) format --in-place --recursive --parallel $(SWIFT_CODE)

benchmarks: build ## measure the program itself, and its peers on the same work
	@scripts/deps.sh benchmarks
	@Benchmarks/run.sh

samples: build ## measure anew what reports/samples shows (minutes; on a quiet host)
	@scripts/samples.sh $(RELEASE)/bench

# What install copies. Up to date files are not made again, so `make stage && sudo make install`
# builds as you and only copies as root.
stage: $(BUILT) $(STAGED) ## build all that install copies

$(BUILT): $(SOURCES)
	@$(MAKE) --no-print-directory build

$(STAGE)/bench $(STAGE)/_bench $(STAGE)/bench.fish: shell = $(if $(filter %.fish,$@),fish,$(if $(filter %/_bench,$@),zsh,bash))
$(STAGE)/bench $(STAGE)/_bench $(STAGE)/bench.fish: $(BUILT)
	@mkdir -p $(STAGE)
	@$(RELEASE)/bench --generate-completion-script $(shell) > $@

$(STAGE)/bench.1: $(BUILT) scripts/manpage.sh scripts/manpage.mdoc
	@mkdir -p $(STAGE)
	@scripts/manpage.sh $(RELEASE)/bench $@

# Asked before a long build, not after it.
writable:
	@scripts/writable.sh '$(DESTDIR)$(PREFIX)'

install: writable stage ## copy the program, scenarios, completions and man page to PREFIX
	@install -d '$(DESTDIR)$(bindir)' '$(DESTDIR)$(libexecdir)' '$(DESTDIR)$(scenariodir)' '$(DESTDIR)$(mandir)' \
	  '$(DESTDIR)$(bashcompdir)' '$(DESTDIR)$(zshcompdir)' '$(DESTDIR)$(fishcompdir)'
	@install -m 755 $(RELEASE)/bench '$(DESTDIR)$(bindir)/bench'
	@install -m 755 $(RELEASE)/bench-worker '$(DESTDIR)$(libexecdir)/bench-worker'
	@install -m 644 $(SCENARIOS) '$(DESTDIR)$(scenariodir)'
	@install -d '$(DESTDIR)$(scenariodir)/suites'
	@install -m 644 $(SUITES) '$(DESTDIR)$(scenariodir)/suites'
	@install -m 644 $(STAGE)/bench.1 '$(DESTDIR)$(mandir)/bench.1'
	@install -m 644 $(STAGE)/bench '$(DESTDIR)$(bashcompdir)/bench'
	@install -m 644 $(STAGE)/_bench '$(DESTDIR)$(zshcompdir)/_bench'
	@install -m 644 $(STAGE)/bench.fish '$(DESTDIR)$(fishcompdir)/bench.fish'
	@echo 'Installed bench under $(DESTDIR)$(PREFIX). Try: $(DESTDIR)$(bindir)/bench doctor'

# Only what install made; a scenario that a user added stays, and so does its folder.
uninstall: writable ## remove what install copied
	@rm -f '$(DESTDIR)$(bindir)/bench' '$(DESTDIR)$(libexecdir)/bench-worker' '$(DESTDIR)$(mandir)/bench.1' \
	  '$(DESTDIR)$(bashcompdir)/bench' '$(DESTDIR)$(zshcompdir)/_bench' '$(DESTDIR)$(fishcompdir)/bench.fish' \
	  $(patsubst scenarios/%,'$(DESTDIR)$(scenariodir)/%',$(SCENARIOS) $(SUITES))
	@for folder in '$(libexecdir)' '$(scenariodir)/suites' '$(scenariodir)' '$(PREFIX)/share/bench'; do \
	  if [ -d "$(DESTDIR)$$folder" ]; then rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$folder"; fi; \
	done
	@echo 'Removed bench from $(DESTDIR)$(PREFIX). Stored runs were kept.'

# The program's place is written into the unit. Nothing is enabled or started: that is the administrator's to decide.
install-nightly: ## copy the systemd units of the nightly job (nothing is enabled)
	@scripts/writable.sh '$(DESTDIR)$(UNITDIR)'
	@install -d '$(DESTDIR)$(UNITDIR)'
	@for unit in $(UNITS); do \
	  sed 's|/usr/local/bin/bench|$(bindir)/bench|g' $$unit > '$(DESTDIR)$(UNITDIR)'/$${unit##*/} && \
	    chmod 644 '$(DESTDIR)$(UNITDIR)'/$${unit##*/} || exit; \
	done
	@echo 'Installed $(notdir $(UNITS)) in $(DESTDIR)$(UNITDIR). To switch the nightly job on:'
	@echo '  sudo systemctl daemon-reload && sudo systemctl enable --now bench-nightly.timer'

uninstall-nightly: ## remove what install-nightly copied
	@scripts/writable.sh '$(DESTDIR)$(UNITDIR)'
	@if [ -z '$(DESTDIR)' ] && [ -e /etc/systemd/system/timers.target.wants/bench-nightly.timer ]; then \
	  echo 'The nightly job is switched on. First: sudo systemctl disable --now bench-nightly.timer' >&2; exit 1; \
	fi
	@rm -f $(patsubst deploy/systemd/%,'$(DESTDIR)$(UNITDIR)/%',$(UNITS))
	@echo 'Removed $(notdir $(UNITS)) from $(DESTDIR)$(UNITDIR). History and stored runs were kept.'

clean: ## remove what was built (reports and stored runs stay)
	@case '$(notdir $(BUILD_DIR))' in \
	  .build*) ;; \
	  *) echo 'BUILD_DIR=$(BUILD_DIR) is not named .build*: not removed.' >&2; exit 65 ;; \
	esac
	rm -rf '$(BUILD_DIR)' Benchmarks/.build Benchmarks/peers/build
