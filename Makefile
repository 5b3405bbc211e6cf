# PackSeal. `make help` lists what can be asked of this file.
#
#   make                    programs in build/release
#   make CC=clang           the same in build/release-clang
#   make SAN=1              with the address and undefined-behaviour sanitizers, in build/san
#   make SAN=thread         with the thread sanitizer, in build/tsan
#   make DEVELOPER=1        warnings are errors
#   make V=1                whole command lines
#   make VARIANT=mine       in build/mine: two people, or two makes, in one work tree
#   make JOBS=1             one thing at a time (default: one job a processor)
#
# A folder that has no sources yet is skipped, so that every commit builds.

VERSION := 0.1.0
PREFIX  := /usr
DESTDIR :=
LIBDIR  := lib
ROOTLIB := $(PREFIX)/lib

# ---- variant ------------------------------------------------------------------------------------

ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar

CLANG   := $(findstring clang,$(notdir $(firstword $(CC))))
VARIANT := $(if $(SAN),$(or $(filter fuzz,$(SAN)),$(if $(filter thread,$(SAN)),tsan,san)),release)$(if $(filter-out fuzz,$(or $(SAN),none)),$(if $(CLANG),-clang))
B       := build/$(VARIANT)
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

JOBS      ?= $(shell nproc)
# Tests wait for real time more than they reckon: half as many again of them side by side.
TEST_JOBS ?= $(if $(filter 1,$(JOBS)),1,$(shell expr $(JOBS) + $(JOBS) / 2))
MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif

# ---- flags: CFLAGS, CPPFLAGS and LDFLAGS are the builder's, the PS_ ones are ours -------------------

CFLAGS  ?= $(if $(SAN),-O1 -g,-O2 -g)
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 -Wvla
WARN    += $(if $(DEVELOPER),-Werror)
HARDEN  := -fstack-protector-strong $(if $(SAN),-U_FORTIFY_SOURCE,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)

sanitize_1      := -fsanitize=address,undefined
sanitize_thread := -fsanitize=thread
sanitize_fuzz   := -fsanitize=fuzzer-no-link,address,undefined
SANITIZE := $(if $(SAN),$(or $(sanitize_$(SAN)),$(error SAN=$(SAN): use SAN=1 or SAN=thread)))
SANITIZE += $(if $(SAN),-fno-sanitize-recover=all -fno-omit-frame-pointer)

PS_CPPFLAGS := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DPS_VERSION='"$(VERSION)"'
PS_CFLAGS   := -std=c17 $(WARN) -fPIE -pthread -ffile-prefix-map=$(CURDIR)=. $(HARDEN) $(SANITIZE)
PS_LDFLAGS  := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(SANITIZE)

# ---- who links what; the short list of the signer is a promise, checked by tests/lint -------------

evidence_pkgs := libsodium jansson
archive_pkgs  := $(evidence_pkgs) sqlite3 inih
signer_pkgs   := $(evidence_pkgs) libseccomp
cli_pkgs      := $(archive_pkgs) libcrypto libcurl
verify_pkgs   := $(evidence_pkgs) libcrypto
report_pkgs   := $(archive_pkgs) libcrypto libavformat libavcodec libswscale libavutil libturbojpeg \
                 cairo pango pangocairo fontconfig
viewer_pkgs   := $(archive_pkgs) libcrypto libcurl libmicrohttpd libturbojpeg
player_pkgs   := jansson alsa
recorder_pkgs := $(archive_pkgs) libcrypto libavdevice libavformat libavcodec libswscale libavutil \
                 libturbojpeg libv4l2 freetype2 libevdev libudev zbar
all_pkgs      := $(sort $(evidence_pkgs) $(archive_pkgs) $(signer_pkgs) $(cli_pkgs) $(recorder_pkgs) $(report_pkgs) $(viewer_pkgs) $(player_pkgs))
tests_pkgs     = $(all_pkgs) fuse3

# Debian's libzint has no pkg-config file.
report_libs   := -lzint
all_libs      := $(report_libs)

# $(call pkg,--libs,DIR): asked of pkg-config once, and only when something is built.
pkg = $(or $(pkg_$(1)_$(2)),$(eval pkg_$(1)_$(2) := $(shell pkg-config $(1) $($(2)_pkgs) 2>/dev/null) )$(pkg_$(1)_$(2)))

# ---- sources ------------------------------------------------------------------------------------

c_of   = $(sort $(wildcard $(1)/*.c))
obj    = $(patsubst %.c,$(B)/%.o,$(1))
no_main = $(filter-out $(1)/main.c $(1)/verify_main.c,$(call c_of,$(1)))
prog   = $(if $(wildcard $(1)/main.c),$(B)/$(2))
lib    = $(if $(3),$(B)/$(2).a)

# SHA-256 has two implementations of one header; each program names the one it takes.
SHA_SRC    := $(wildcard evidence/sha256_openssl.c evidence/sha256_sodium.c)
SHA_OPENSSL = $(call obj,$(filter %_openssl.c,$(SHA_SRC)))
SHA_SODIUM  = $(call obj,$(filter %_sodium.c,$(SHA_SRC)))

evidence_src := $(filter-out $(SHA_SRC),$(call c_of,evidence))
archive_src  := $(call c_of,archive)
recorder_src := $(call no_main,recorder)
signer_src   := $(call no_main,signer)
cli_src      := $(call no_main,cli)
report_src   := $(call no_main,report)
viewer_src   := $(call no_main,viewer)
player_src   := $(call no_main,player)

EVIDENCE := $(call lib,evidence,libpackseal-evidence,$(evidence_src))
ARCHIVE  := $(call lib,archive,libpackseal-archive,$(archive_src))
RECORDER := $(call lib,recorder,librecorder,$(recorder_src))
SIGNER   := $(call lib,signer,libsigner,$(signer_src))
CLI      := $(call lib,cli,libcli,$(cli_src))
REPORT   := $(call lib,report,libpackseal-report,$(report_src))
VIEWER   := $(call lib,viewer,libpackseal-viewer,$(viewer_src))
PLAYER   := $(call lib,player,libplayer,$(player_src))
LIBS     := $(RECORDER) $(SIGNER) $(CLI) $(REPORT) $(VIEWER) $(PLAYER) $(ARCHIVE) $(EVIDENCE)

# Started by others, never by hand: they lie in libexec.
HELPERS  := $(call prog,recorder,packseal-recorder) $(call prog,signer,packseal-signer) $(call prog,report,packseal-report) \
            $(call prog,viewer,packseal-viewer) $(call prog,player,packseal-player) \
            $(call prog,viewer/kiosk,packseal-kiosk)
PROGRAMS := $(HELPERS) $(call prog,cli,packseal) $(B)/packseal-verify
# For other people's programs: with SHA-256, and position-independent.
LIBRARY  := $(B)/lib/libpackseal-evidence.a $(B)/lib/packseal-evidence.pc
# Beside the programs, so that those in build/ find them too.
PROFILES := $(patsubst report/%,$(B)/%,$(wildcard report/profiles/*.conf))
# What carriers' numbers look like; the recorder finds it beside itself in build/, else where it is installed.
TABLE    := $(B)/carriers.conf
# Beside the program that each confines.
UNITS    := $(filter-out image/%,$(wildcard $(addprefix */packseal*.,service socket timer path target))) $(wildcard viewer/kiosk/*.service)
RULES    := $(if $(wildcard udev/make-rules),$(B)/65-packseal-scanners.rules)
# Tones and words of the bench; the player finds them beside itself in build/, else where they are installed.
SOUNDS   := $(if $(wildcard player/make-sounds),$(B)/sounds/.made)
# The viewer's pages, as they are; it finds them beside itself in build/, else where they are installed.
WEB_SRC  := $(sort $(shell find viewer/web -type f ! -name '.*' 2>/dev/null))
WEB      := $(patsubst viewer/web/%,$(B)/web/%,$(WEB_SRC)) $(B)/web/verdict-words.js
PAGE     := $(if $(wildcard viewer/verify/build.py),$(B)/verify.html)

test_bin = $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/$(1))))
UNIT  := $(call test_bin,unit/test_*.c)
FUZZ  := $(call test_bin,fuzz/fuzz_*.c)
FAKES := $(call test_bin,fakes/*.c)
BENCH := $(call test_bin,bench/*.c)

# ---- what one can ask for -----------------------------------------------------------------------

.PHONY: all verify.html deps deps-check check test attacks lint demo bench fuzz fuzz-run fuzz-programs install deb clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS) $(LIBS) $(SHA_OPENSSL) $(SHA_SODIUM) $(PAGE) $(WEB) $(PROFILES) $(TABLE) $(SOUNDS) $(LIBRARY) $(RULES) ## programs and libraries (default)

verify.html: $(PAGE) ## the checker as one page, for a browser without network

help: ## this list
	@echo 'PackSeal $(VERSION). Programs go to $(B)/.'
	@sed -n 's/^\([a-z][a-z.-]*\):.*## \(.*\)/  make \1 \2/p' Makefile | awk '{ t = $$2; $$1 = $$2 = ""; printf "  make %-13s%s\n", t, $$0 }'
	@sed -n '3,10s/^#  / /p' Makefile

deps: ## install the Debian packages to build and run
	@sh tests/deps.sh build

# After the others, even with -j: two of apt at a time would stand in each other's way.
deps-check: | deps ## install the Debian packages for the tests, too
	@sh tests/deps.sh check

check: ## packages, build, then every test under prove
	@sh tests/deps.sh build
	@sh tests/deps.sh check
	@$(MAKE) --no-print-directory test

# A sanitizer looks at our C. What runs none of it, or a second time the same of it, is left to the plain run: lints, readers
# of golden files, the browser with films alone, attacks that other files play on the same code.
PLAIN_ONLY := tests/lint/% tests/golden/% tests/browser/film.t tests/browser/verify-large.t tests/browser/viewer.t \
              tests/browser/kiosk.t tests/e2e/attacks.t

# The same without looking after packages. TESTS='tests/cli/find.bats' picks some.
# The longest of those side by side (passphrases cost a second and a gigabyte each) begins first.
TESTS ?= tests/cli/key.bats $(UNIT) $(FUZZ) $(filter-out tests/machine/% tests/cli/key.bats $(if $(SAN),$(PLAIN_ONLY)),$(sort $(wildcard tests/*/*.t tests/*/*.bats)))
test: all $(UNIT) $(FUZZ) $(FAKES) ## build and test; TESTS='FILE ...' picks some
	@echo 'testing $(B) with $(TEST_JOBS) jobs'
	@$(in_test) prove -j$(TEST_JOBS) --exec 'sh tests/run.sh' $(PROVE_FLAGS) $(TESTS)

attacks: all ## each attack of docs/THREATS.md played, as one table
	@$(in_test) python3 tests/e2e/attacks.t --table

lint: all ## module rules, banned calls, layout, manual pages
	@$(in_test) prove -j$(JOBS) --exec 'sh tests/run.sh' $(PROVE_FLAGS) $(sort $(wildcard tests/lint/*.t))

# A real kernel, real drivers, real power cuts, under QEMU. MACHINE_TESTS picks files, CUTS the number of power cuts.
MACHINE_TESTS ?= $(sort $(wildcard tests/machine/*.t))
machine-test: all ## a whole machine under QEMU: USB devices come and go, the power is cut
	@sh tests/deps.sh machine
	@$(in_test) TEST_SECONDS=3600 prove -j1 --timer --exec 'sh tests/run.sh' $(PROVE_FLAGS) $(MACHINE_TESTS)

IMAGE ?= build/image/packseal.img
image: all ## a disk image that starts by itself and records (root; Debian's archive)
	@sh tests/deps.sh machine
	@PACKSEAL_SRC='$(CURDIR)' PACKSEAL_BUILD='$(CURDIR)/$(B)' bash image/make-image.sh '$(IMAGE)'

in_test = PACKSEAL_BUILD='$(CURDIR)/$(B)' PACKSEAL_SRC='$(CURDIR)' PACKSEAL_SAN='$(SAN)' HARNESS_RULESFILE=tests/rules.yml \
          UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions='$(CURDIR)/tests/lsan.supp':print_suppressions=0

demo: ## packages, build, then a whole working day in a minute
	@sh tests/deps.sh build
	@$(MAKE) --no-print-directory all
	@PACKSEAL_BUILD='$(CURDIR)/$(B)' PACKSEAL_SRC='$(CURDIR)' sh tests/demo/demo.sh

bench: all $(BENCH) ## build and run the measurements
	@for b in $(BENCH); do echo "== $$b"; PACKSEAL_BUILD='$(CURDIR)/$(B)' PACKSEAL_SRC='$(CURDIR)' $$b || exit 1; done
	@PACKSEAL_BUILD='$(CURDIR)/$(B)' PACKSEAL_SRC='$(CURDIR)' sh tests/bench/run.sh
	@PACKSEAL_BUILD='$(CURDIR)/$(B)' PACKSEAL_SRC='$(CURDIR)' sh tests/bench/verify.sh
	@for b in $(wildcard tests/bench/*.py); do echo "== $$b"; PACKSEAL_BUILD='$(CURDIR)/$(B)' PACKSEAL_SRC='$(CURDIR)' python3 $$b || exit 1; done

# libFuzzer needs clang and its own objects, hence the second make.
fuzz: ## fuzzers in build/fuzz (clang, libFuzzer)
	@$(MAKE) --no-print-directory CC=clang SAN=fuzz fuzz-programs

FUZZ_NAMES   := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SECONDS ?= 60
fuzz-programs: $(addprefix $(B)/,$(FUZZ_NAMES))

fuzz-run: fuzz ## run each fuzzer for FUZZ_SECONDS (60)
	@for f in $(FUZZ_NAMES); do sh tests/fuzz/run.sh build/fuzz/$$f $(FUZZ_SECONDS) || exit 1; done

D   = $(DESTDIR)$(PREFIX)
put = $(if $(strip $(3)),install -d $(D)/$(2) && install -m $(1) $(strip $(3)) $(D)/$(2))
install: all ## copy the files under DESTDIR and PREFIX (/usr)
	@echo 'installing to $(D)'
	$(Q)$(call put,0755,bin,$(filter %/packseal %/packseal-verify,$(PROGRAMS)))
	$(Q)$(call put,0755,libexec/packseal,$(HELPERS))
	$(Q)$(call put,0644,share/packseal/profiles,$(wildcard report/profiles/*.conf))
	$(Q)$(call put,0644,share/packseal,$(PAGE) recorder/carriers.conf)
	$(Q)$(if $(SOUNDS),for d in tones zh-CN en; do install -d $(D)/share/packseal/sounds/$$d && \
		install -m 0644 $(B)/sounds/$$d/*.wav $(D)/share/packseal/sounds/$$d || exit 1; done)
	$(Q)for f in $(WEB:$(B)/web/%=%); do \
		install -D -m 0644 $(B)/web/$$f $(D)/share/packseal/web/$$f || exit 1; done
	$(Q)$(call put,0644,share/man/man1,$(wildcard docs/man/*.1))
	$(Q)$(call put,0644,share/man/man5,$(wildcard docs/man/*.5))
	$(Q)$(call put,0644,share/man/man8,$(wildcard docs/man/*.8))
	$(Q)$(call put,0644,share/doc/packseal,$(wildcard README.md README.zh-CN.md CHANGELOG.md SECURITY.md docs/*.md))
	$(Q)$(call put,0644,$(LIBDIR),$(filter %.a,$(LIBRARY)))
	$(Q)$(call put,0644,$(LIBDIR)/pkgconfig,$(filter %.pc,$(LIBRARY)))
	$(Q)$(call put,0644,include/packseal/evidence,$(filter-out %_internal.h,$(wildcard evidence/*.h)))
	$(Q)$(call put,0644,share/doc/libpackseal-evidence,evidence/LICENSE)
	$(Q)$(call put,0644,share/doc/libpackseal-evidence/examples,$(wildcard docs/examples/*.c))
	$(Q)install -d $(DESTDIR)$(ROOTLIB)/systemd/system $(DESTDIR)$(ROOTLIB)/udev/rules.d
	$(Q)for u in $(UNITS); do to=$(DESTDIR)$(ROOTLIB)/systemd/system/$${u##*/}; \
		sed 's|/usr/\(bin\|libexec\)/|$(PREFIX)/\1/|g' $$u >$$to && chmod 0644 $$to || exit 1; done
	$(Q)install -m 0644 $(wildcard udev/*.rules) $(RULES) $(DESTDIR)$(ROOTLIB)/udev/rules.d
	$(Q)$(call put,0644,share/packseal/udev,$(wildcard udev/*.list udev/*.optional))
	$(Q)$(call put,0755,share/packseal/udev,$(wildcard udev/make-rules))
	$(Q)$(if $(wildcard udev/packseal.sysusers),install -D -m 0644 udev/packseal.sysusers $(D)/lib/sysusers.d/packseal.conf)
	$(Q)$(if $(wildcard viewer/kiosk/*.sysusers),install -D -m 0644 viewer/kiosk/packseal-kiosk.sysusers $(D)/lib/sysusers.d/packseal-kiosk.conf)
	$(Q)$(if $(wildcard udev/packseal.tmpfiles),install -D -m 0644 udev/packseal.tmpfiles $(D)/lib/tmpfiles.d/packseal.conf)
	$(Q)$(if $(wildcard cli/completion/packseal.bash),install -D -m 0644 cli/completion/packseal.bash \
		$(D)/share/bash-completion/completions/packseal && \
		ln -sf packseal $(D)/share/bash-completion/completions/packseal-verify)

deb: ## Debian packages in build/deb, made and judged as lintian does
	@sh tests/deps.sh build
	@sh tests/deps.sh packages
	@sh debian/make-packages.sh build/deb

clean: ## remove build/
	rm -rf build

# ---- how things are made ------------------------------------------------------------------------

# Rewritten only when the flags change; everything compiled depends on it.
$(B)/.flags: export FLAGS_NOW = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(PS_CPPFLAGS) $(PS_CFLAGS) $(PS_LDFLAGS)
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@missing=$$(for p in $(all_pkgs); do pkg-config --exists $$p 2>/dev/null || printf ' %s' $$p; done); \
	 test -z "$$missing" || { echo "packseal: libraries missing:$$missing: run: make deps" >&2; exit 1; }
	@printf '%s\n' "$$FLAGS_NOW" | cmp -s - $@ || printf '%s\n' "$$FLAGS_NOW" >$@

# Rewritten when a source comes or goes, so that no archive keeps the object of a deleted file.
$(B)/.sources: FORCE
	@mkdir -p $(@D)
	@echo $(evidence_src) $(archive_src) $(recorder_src) $(signer_src) $(cli_src) $(report_src) $(viewer_src) $(player_src) | cmp -s - $@ || \
	 echo $(evidence_src) $(archive_src) $(recorder_src) $(signer_src) $(cli_src) $(report_src) $(viewer_src) $(player_src) >$@

$(B)/%.o: %.c $(B)/.flags
	@mkdir -p $(@D)
	$(call say,CC,$(@:$(B)/%=%))
	$(Q)$(CC) $(CPPFLAGS) $(PS_CPPFLAGS) $(call pkg,--cflags,$(firstword $(subst /, ,$*))) $(CFLAGS) $(PS_CFLAGS) $(PIC) -MMD -MP -c -o $@ $<

$(EVIDENCE): $(call obj,$(evidence_src))
$(ARCHIVE):  $(call obj,$(archive_src))
$(RECORDER): $(call obj,$(recorder_src))
$(SIGNER):   $(call obj,$(signer_src))
$(CLI):      $(call obj,$(cli_src))
$(REPORT):   $(call obj,$(report_src))
$(VIEWER):   $(call obj,$(viewer_src))
$(PLAYER):   $(call obj,$(player_src))
$(LIBS): $(B)/.sources
	$(call say,AR,$(@:$(B)/%=%))
	$(Q)rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)

# What others may put into a shared object of theirs.
$(B)/evidence/%.o: PIC := -fPIC -fno-semantic-interposition

$(B)/lib/libpackseal-evidence.a: $(call obj,$(evidence_src)) $(SHA_OPENSSL) $(B)/.sources
	@mkdir -p $(@D)
	$(call say,AR,$(@:$(B)/%=%))
	$(Q)rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)

$(B)/lib/packseal-evidence.pc: evidence/packseal-evidence.pc.in $(B)/.flags
	@mkdir -p $(@D)
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< >$@

# $(call link,DIR): the objects and archives among the prerequisites, with the libraries of DIR.
link = $(CC) $(CFLAGS) $(PS_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
       -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(call pkg,--libs,$(1)) $($(1)_libs) -lm

$(B)/packseal-signer: $(call obj,signer/main.c) $(SIGNER) $(EVIDENCE) $(SHA_SODIUM)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,signer)

$(B)/packseal-recorder: $(call obj,recorder/main.c) $(RECORDER) $(ARCHIVE) $(EVIDENCE) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,recorder)

$(B)/packseal: $(call obj,cli/main.c) $(CLI) $(ARCHIVE) $(EVIDENCE) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,cli)

$(B)/packseal-verify: $(call obj,cli/verify_main.c) $(CLI) $(ARCHIVE) $(EVIDENCE) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,verify)

$(B)/packseal-report: $(call obj,report/main.c) $(REPORT) $(ARCHIVE) $(EVIDENCE) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,report)

$(B)/packseal-viewer: $(call obj,viewer/main.c) $(VIEWER) $(ARCHIVE) $(EVIDENCE) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,viewer)

$(B)/packseal-kiosk: $(call obj,viewer/kiosk/main.c)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,kiosk)

$(B)/packseal-player: $(call obj,player/main.c) $(PLAYER) $(ARCHIVE) $(EVIDENCE)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,player)

$(B)/sounds/.made: player/make-sounds player/words.list
	$(call say,SOUND,$(@D:$(B)/%=%))
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && python3 player/make-sounds player/words.list $(@D) && touch $@

$(B)/web/openapi.json: viewer/openapi.json
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/web/%: viewer/web/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

# What a verdict says stands once, for the clip page and for the checking page.
$(B)/web/verdict-words.js: viewer/verify/words.js
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/carriers.conf: recorder/carriers.conf
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/profiles/%.conf: report/profiles/%.conf
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/65-packseal-scanners.rules: udev/make-rules udev/scanners.list
	@mkdir -p $(@D)
	$(Q)sh udev/make-rules udev/scanners.list >$@

$(B)/verify.html: $(wildcard viewer/verify/*)
	@mkdir -p $(@D)
	$(call say,PAGE,$(@:$(B)/%=%))
	$(Q)python3 viewer/verify/build.py $(VERSION) $@

# Tests may reach into every program: they get all archives, and the SHA-256 of the side they test.
$(B)/tests/unit/test_signer_%: $(B)/tests/unit/test_signer_%.o $(B)/tests/unit/tap.o $(LIBS) $(SHA_SODIUM)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,all)

$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(B)/tests/unit/tap.o $(LIBS) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,all)

$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(LIBS) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,all)

$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIBS) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,all) -fsanitize=fuzzer

# A fake stands for something foreign; of ours it may know the formats. The camera probe is none: it opens
# cameras as the recorder does.
$(B)/tests/fakes/camprobe: $(RECORDER)
$(B)/tests/fakes/%: $(B)/tests/fakes/%.o $(EVIDENCE) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,tests)

$(B)/tests/bench/%: $(B)/tests/bench/%.o $(LIBS) $(SHA_OPENSSL)
	$(call say,LINK,$(@:$(B)/%=%))
	$(Q)$(call link,all)

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)
