# pg_journey: sessions, people, touches and profiles inside PostgreSQL.
#
#   make && make install      build and install for the server of PG_CONFIG
#   make demo                 the whole flow on a private server, on sample data
#   make check                every test on a private server of its own
#   make check-dbt            the dbt package with dbt-core 1.8, 1.10 and the newest there is; DBT=1.9 for another
#   make check-laws SEEDS=n   the laws of a model on random histories, of n seeds; FROM=n, SEGMENT=n
#   make bench                the benchmarks, beside plain SQL and other engines; EVENTS=n for another size
#   make fuzz                 fuzzes what reads from outside, with clang; SECONDS=n for each reader

EXTENSION   = pg_journey
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" pg_journey.control)

MODULE_big = pg_journey
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
PGFILEDESC = "pg_journey - event modeling inside the warehouse"

INSTALL_PARTS = $(sort $(wildcard sql/install/*.sql))
BUILT_SQL     = sql/pg_journey--$(EXTVERSION).sql
DATA          = $(wildcard sql/upgrade/pg_journey--*--*.sql)
DATA_built    = $(BUILT_SQL)

REGRESS      = $(patsubst sql/%.sql,%,$(sort $(filter-out $(BUILT_SQL),$(wildcard sql/*.sql))))
REGRESS_OPTS = --inputdir=. --load-extension=pg_journey

PG_CPPFLAGS = -Isrc
SHLIB_LINK  = -ljansson
PG_CFLAGS   = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
              -Wno-missing-field-initializers -Wno-declaration-after-statement

LISTS       = src/lists/lists_data.h
EXTRA_CLEAN = $(BUILT_SQL) $(LISTS) results regression.diffs regression.out tmp_check

PG_CONFIG ?= pg_config

# demo and check install what they need themselves, so they run before there is a PostgreSQL
OWN_GOALS = demo demo-shell check check-dbt check-laws bench fuzz
ifeq ($(filter-out $(OWN_GOALS),$(or $(MAKECMDGOALS),all)),)
.PHONY: $(OWN_GOALS)
$(OWN_GOALS):
	@$(or $(SCRIPT_$@),test/$@) $(ARGS_$@)
SCRIPT_bench = bench/run
SCRIPT_fuzz  = test/fuzz/libfuzzer
ARGS_fuzz = $(SECONDS)
ARGS_check-dbt = $(DBT)
ARGS_check-laws = $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FROM),--from $(FROM)) $(if $(SEGMENT),--segment $(SEGMENT))
else
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
endif

$(BUILT_SQL): $(INSTALL_PARTS) pg_journey.control
	cat $(INSTALL_PARTS) > $@

# The lists (public suffixes, referrers, channels, click ids) are compiled in.
$(LISTS): src/lists/generate.pl $(wildcard src/lists/*.tsv src/lists/*.dat)
	perl src/lists/generate.pl src/lists > $@.tmp && mv $@.tmp $@

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h) $(LISTS) pg_journey.control

# The same results on every machine, so no fused multiply-add; its inner loops are simple ones.
src/markov_core.o: CFLAGS += -ffp-contract=off $(CFLAGS_VECTORIZE)
