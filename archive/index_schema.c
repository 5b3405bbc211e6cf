/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables of index_internal.h: from nothing, or from what version 0.1 of them holds.
 */
#include "archive/flags.h"
#include "archive/index_internal.h"

_Static_assert(PS_FLAGS_WORTH_A_LOOK == 511, "PS_INDEX_WORTH is in the index of clips that are flagged");

static const char *const tables =
    "CREATE TABLE clips(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, clip TEXT NOT NULL,"
    " number INTEGER NOT NULL, station TEXT NOT NULL, take INTEGER NOT NULL, kind TEXT NOT NULL,"
    " operator TEXT NOT NULL, reason TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " tracks TEXT NOT NULL, generation INTEGER NOT NULL,"
    " codes TEXT NOT NULL DEFAULT '', spellings TEXT NOT NULL DEFAULT '', links TEXT NOT NULL DEFAULT '',"
    " thumb TEXT NOT NULL DEFAULT '', flags INTEGER);"
    "CREATE TABLE state(generation INTEGER NOT NULL);"
    "INSERT INTO state VALUES(0);";

static const char *const numbers =
    "CREATE TABLE codes(value TEXT NOT NULL COLLATE NOCASE, started INTEGER NOT NULL, clip INTEGER NOT NULL,"
    " PRIMARY KEY(value, started, clip)) WITHOUT ROWID;"
    "CREATE TABLE tails(turned TEXT NOT NULL COLLATE NOCASE, started INTEGER NOT NULL, clip INTEGER NOT NULL,"
    " PRIMARY KEY(turned, started, clip)) WITHOUT ROWID;";

static const char *const indexes =
    "CREATE INDEX clips_number ON clips(number);"
    "CREATE INDEX clips_started ON clips(started, flags);"
    "CREATE INDEX clips_kind ON clips(kind, started, flags);"
    "CREATE INDEX clips_operator ON clips(operator, started, kind, flags);"
    "CREATE INDEX clips_flagged ON clips(started, flags, kind, operator) WHERE flags&" PS_INDEX_WORTH ";"
    "CREATE INDEX clips_unread ON clips(id) WHERE flags IS NULL;"
    "PRAGMA user_version=2;";

/* Schema 1 kept the numbers of a clip in `codes` alone: value, clip, pos, alias (0 value, 1 spelling, 2 link), turned. */
static const char *const from_1 =
    "ALTER TABLE clips ADD COLUMN codes TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE clips ADD COLUMN spellings TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE clips ADD COLUMN links TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE clips ADD COLUMN thumb TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE clips ADD COLUMN flags INTEGER;"
    "DROP INDEX clips_started; DROP INDEX clips_number; DROP INDEX clips_name; DROP INDEX codes_turned;"
    "ALTER TABLE codes RENAME TO codes_1;"
    "UPDATE clips SET"
    " codes=(SELECT coalesce(group_concat(value,char(10)),'') FROM (SELECT value FROM codes_1"
    "  WHERE clip=clips.id AND alias=0 ORDER BY pos)),"
    " spellings=(SELECT coalesce(group_concat(value,char(10)),'') FROM (SELECT value FROM codes_1"
    "  WHERE clip=clips.id AND alias=1 ORDER BY pos)),"
    " links=(SELECT coalesce(group_concat(value,char(10)),'') FROM (SELECT value FROM codes_1"
    "  WHERE clip=clips.id AND alias=2 ORDER BY pos));";
static const char *const numbers_of_1 = "INSERT OR IGNORE INTO codes SELECT k.value, c.started, c.id FROM "
                                        "codes_1 AS k JOIN clips AS c ON c.id=k.clip;"
                                        "INSERT OR IGNORE INTO tails SELECT k.turned, c.started, c.id FROM "
                                        "codes_1 AS k JOIN clips AS c ON c.id=k.clip;"
                                        "DROP TABLE codes_1;";

int ps_index_make(struct ps_index *x, sqlite3_int64 version) {
    int rc = ps_index_run(x, version == 0 ? tables : from_1);
    if (rc == 0)
        rc = ps_index_run(x, numbers);
    if (rc == 0 && version == 1)
        rc = ps_index_run(x, numbers_of_1);
    return rc < 0 ? rc : ps_index_run(x, indexes);
}
