/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Migration files: which there are, in which order, what each says. Every layout in use is read into the same
 * structs, and nothing behind this header knows one from another. Nothing here speaks to a database.
 */
#ifndef DF_MIGRATION_FILES_H
#define DF_MIGRATION_FILES_H

#include "base/hash.h"
#include "base/log.h"
#include "sql/sql.h"

/* ---- layouts ---- */

/* One list: identifier, name on the command line, what it is. */
#define DF_LAYOUTS(X)                                                                                        \
    X(NATIVE, "native", "NNN_name.sql or YYYYMMDDHHMMSS_name.sql, with -- UP and -- DOWN")                   \
    X(PAIRS, "golang-migrate", "V_name.up.sql and V_name.down.sql")                                          \
    X(GOOSE, "goose", "V_name.sql with -- +goose Up and -- +goose Down")                                     \
    X(DBMATE, "dbmate", "V_name.sql with -- migrate:up and -- migrate:down")                                 \
    X(FLYWAY, "flyway", "V1_2__name.sql, R__name.sql, U1_2__name.sql, B1__name.sql")                         \
    X(DIESEL, "diesel", "V_name/up.sql and down.sql, metadata.toml")                                         \
    X(SQLX, "sqlx", "V_name.sql, or V_name.up.sql and V_name.down.sql, -- no-transaction")                   \
    X(PRISMA, "prisma", "V_name/migration.sql, migration_lock.toml")                                         \
    X(NODE_PG, "node-pg-migrate", "V_name.sql with -- Up Migration and -- Down Migration")                   \
    X(SQL_MIGRATE, "sql-migrate", "V_name.sql with -- +migrate Up and -- +migrate Down")                     \
    X(TERN, "tern", "V_name.sql with ---- create above / drop below ----")                                   \
    X(MYBATIS, "mybatis", "V_name.sql with -- //@UNDO")                                                      \
    X(EVOLUTIONS, "evolutions", "N.sql with # --- !Ups and # --- !Downs")                                    \
    X(SHMIG, "shmig", "V-name.sql with -- ==== UP ==== and -- ==== DOWN ====")                               \
    X(RAMBLER, "rambler", "V_name.sql with -- rambler up and -- rambler down")                               \
    X(SQITCH, "sqitch", "sqitch.plan with deploy/, revert/, verify/")                                        \
    X(AUTHELIA, "authelia", "V0001.Name.up.sql and V0001.Name.down.sql")                                     \
    X(KRATOS, "kratos",                                                                                      \
      "V_name[.autocommit][.dialect].up.sql and .down.sql; a dialect's file before the "                     \
      "general one")                                                                                         \
    X(TEMPORAL, "temporal", "vX.Y/manifest.json with its list of SQL files")                                 \
    X(NEO4J_MIGRATIONS, "neo4j-migrations", "V1_2_3__name.cypher, R1__name.cypher, callbacks, catalogs")     \
    X(LIQUIBASE, "liquibase", "changelogs: --liquibase formatted cypher, --changeset author:id, --rollback …")

typedef enum df_layout {
    DF_LAYOUT_AUTO, /* whatever the folder's names and contents say */
#define DF_X(id, name, text) DF_LAYOUT_##id,
    DF_LAYOUTS(DF_X)
#undef DF_X
        DF_LAYOUT_COUNT
} df_layout;

const char *df_layout_name(df_layout layout);               /* "goose"; "auto" */
const char *df_layout_text(df_layout layout);               /* what it is, one line */
bool df_layout_from_name(const char *name, df_layout *out); /* also "dbmate", "pairs" … */

/* ---- one migration ---- */

typedef enum df_risk { DF_RISK_NONE, DF_RISK_LOW, DF_RISK_MEDIUM, DF_RISK_HIGH, DF_RISK_CRITICAL } df_risk;
const char *df_risk_name(df_risk risk); /* "low"; "" for none */
bool df_risk_from_name(df_str name, df_risk *out);

/* The header: -- @metadata { … }, or a block comment with "Migration:", "Version:", "Author:" … What is not
 * written is absent, -1 or NONE. */
typedef struct df_metadata {
    df_str author, description, data_volume, rollback_strategy;
    df_risk risk;
    int64_t estimated_ms; /* estimatedDuration */
    bool breaking, requires_downtime;
    df_str *tags, *dependencies, *affected_tables;
    size_t n_tags, n_dependencies, n_affected_tables;
    df_str *conflicts; /* sqitch's `!change`: may not be there */
    size_t n_conflicts;
    df_str ticket;  /* of a block comment: "CATALOG-001" */
    df_str version; /* of a block comment, as it is written there: "2025.10.15.143022" */
    df_str
        json; /* the object as written, compact; of a block comment what was read; absent without a header */
} df_metadata;

/*
 * What must hold before a migration runs, read from comment lines of its way up (Cypher):
 *     // assert that edition is enterprise        // assume that version is 4.4, 5 or 5.26
 *     // assert that version is ge 5.13           // assume in schema q' RETURN EXISTS { (:Old) }
 * One that is asserted and does not hold stops the run; one that is assumed and does not hold passes the
 * migration over.
 */
typedef enum df_precondition_kind {
    DF_PRECONDITION_EDITION, /* value: "enterprise", "community" */
    DF_PRECONDITION_VERSION, /* value: "4.4, 5", or one version behind lt and ge */
    DF_PRECONDITION_QUERY,   /* value: a query of one boolean */
    /* value: a query of one text, which tells what is not as it must be; empty when it holds */
    DF_PRECONDITION_DIFFERENCE,
} df_precondition_kind;
typedef enum df_precondition_op {
    DF_PRECONDITION_IS, /* the edition; one of the versions is the server's, or what it begins with */
    DF_PRECONDITION_LT, /* the server is older */
    DF_PRECONDITION_GE, /* that version or newer */
} df_precondition_op;
typedef struct df_precondition {
    bool assume; /* else asserted */
    df_precondition_kind kind;
    df_precondition_op op;
    bool schema; /* of a query: asked of the database that keeps the history, when that is another one */
    df_str value;
    const char *path;
    int32_t line;
    const char *said, *hint; /* NULL; of what is no comment: how it is told, and what to do */
} df_precondition;
/* Of edition and version: whether it holds on a server of this version ("5.26.30", "2026.08.1") and edition.
 */
bool df_precondition_holds(const df_precondition *precondition, df_str version, df_str edition);
/* As it is written, without the comment's mark: "assert that version is ge 5". */
void df_precondition_text(const df_precondition *precondition, df_buf *out);

/* A piece of a section's text that stands elsewhere than the piece before: another file (temporal), or
 * another block of the same file (dbmate). */
typedef struct df_section_part {
    size_t offset; /* where it begins in the section's text */
    const char *path;
    int32_t first_line;
} df_section_part;

/* Up, down or verify: one text, or the fact that there is none (which is not an empty one). */
typedef struct df_section {
    bool present;
    df_str sql;          /* a view of the file's text, the line that begins the section included */
    const char *comment; /* what begins a comment line in it; NULL: "--" */
    const char *path;    /* the file it stands in, as it can be opened */
    int32_t first_line;  /* of `sql` in that file, 1-based */
    bool no_transaction; /* the file or its layout says so (NO TRANSACTION, transaction:false, .autocommit …)
                          */
    bool no_placeholders; /* `${…}` is left alone: -- @placeholders off, placeholderReplacement=false */
    bool plain; /* nothing in the file says that it is written for us: `${…}` is text unless there are values
                 */
    bool substitute; /* goose: ENVSUB ON stands in front of it, and no OFF since */
    int64_t lock_ms, statement_ms; /* directives; -1: not said */
    const df_section_part *parts;  /* where the text is joined from several pieces */
    size_t n_parts;                /* 0: it is one piece */
    bool generated; /* `sql` does not stand in the file, but is what the file is read as */
    /* Of a catalog that is applied: queries (the last one is followed by NULL) of one text a row, each a
     * statement that drops something. Whoever runs the section asks them, and puts the answers here before
     * asking for the steps: they run first, and are no part of the checksum. */
    const char *const *clearing; /* NULL: none */
    const df_str *cleared;
    size_t n_cleared;
} df_section;

typedef enum df_migration_kind { DF_VERSIONED, DF_REPEATABLE, DF_BASELINE } df_migration_kind;

typedef struct df_migration {
    df_str id; /* the history's key, the same on every machine: "009_add_notifications", "V1_10__indices",
                * "R__views", "20240101120000_init" */
    df_str version; /* as written: "009", "1.10", "2017-09-23-182408"; the change's name in sqitch; absent:
                       repeatable */
    df_str name;    /* "add_notifications" */
    df_str file;    /* for people, relative to the folder: "009_add_notifications.sql", "2017-…/up.sql",
                     * "common/2025-10-15_143022_init.up.cypher" */
    df_migration_kind kind;
    size_t position; /* in the order in which they run, 0-based */
    /* Files of one name in several folders, each with preconditions of its own: one of them is meant, which
     * df_migration_choose takes. 1 where there is nothing to choose. */
    size_t n_alternatives, alternative;
    bool loaded; /* what follows is there only after df_migration_load */
    df_section up, down, verify;
    df_metadata meta;
    df_precondition *preconditions;
    size_t n_preconditions;
    df_hash128 raw;    /* over all bytes of all of its files */
    df_hash128 raw_up; /* over the bytes of the up section alone */
} df_migration;

/* Something about the folder that people should know; nothing is passed over in silence. */
typedef struct df_file_finding {
    const char *kind; /* "duplicate-version", "ignored-file", "orphan-down", "case-clash", "bad-name",
                       * "other-dialect", "version-gap" … */
    bool blocks;      /* no run may start with it */
    const char *file; /* relative to the folder */
    int64_t line;     /* 0: none */
    const char *what; /* a sentence */
    const char *hint;
} df_file_finding;

/* A file that runs at a point of time instead of in an order, and is not recorded. */
typedef struct df_callback {
    const char *phase; /* "beforeFirstUse", "beforeMigrate", "afterMigrate", "beforeClean" … */
    df_str path, name; /* relative to the folder; what stands behind "__" in the name, absent without */
} df_callback;

typedef struct df_migration_set {
    df_layout layout;
    const char *folder; /* where they are: the one that was named, or the one inside of it */
    const df_sql_dialect *dialect;
    df_migration *items; /* in order: versioned first, repeatable behind them */
    size_t count;
    df_file_finding *findings; /* more may be added by df_migration_load */
    size_t n_findings;
    df_callback *callbacks; /* by phase, then by name */
    size_t n_callbacks;
    df_arena arena;
} df_migration_set;

typedef struct df_files_options {
    const char *folder;
    df_layout layout;
    /* Chooses among dialect files, and splits. NULL: PostgreSQL's, or Cypher where there is nothing else;
     * then the set says which. */
    const df_sql_dialect *dialect;
    const df_observer *observer;
    /* Folders common, dev, prod … inside of the folder: those of common and of this environment are meant.
     * "production" has prod or production; any other its own, else dev or development. NULL: "development".
     */
    const char *environment;
} df_files_options;

/*
 * Lists a folder and orders what it finds; reads a file only where the layout cannot be told otherwise.
 * DF_NOT_FOUND for a folder that is not there; an empty folder is an empty set. Two migrations with one
 * version are a finding that blocks, naming both files.
 */
DF_MUST_USE df_code df_migrations_open(const df_files_options *options, df_migration_set **out,
                                       df_error *err);
void df_migrations_close(df_migration_set *set);

/* Reads the files of one migration: sections, header, hashes. Once; later calls return at once. Errors name
 * file and line. */
DF_MUST_USE df_code df_migration_load(df_migration_set *set, df_migration *migration, df_error *err);
/*
 * The raw hash alone, as fast as bytes can be read: what `status` of a thousand migrations needs. Fills raw;
 * leaves `loaded` alone.
 */
DF_MUST_USE df_code df_migration_hash(df_migration_set *set, df_migration *migration, df_error *err);
/* Starts hashing all files on a thread of its own, when there are many; what needs them waits for it. Costs a second read of
 * those that are to be loaded, so it is for who needs the hashes alone. */
void df_migrations_read_ahead(df_migration_set *set);
/* Takes one of the alternatives (0-based), as if the others were not there; it is to be loaded again. */
void df_migration_choose(df_migration_set *set, df_migration *migration, size_t alternative);
/* Reads a callback's file. */
DF_MUST_USE df_code df_callback_section(df_migration_set *set, const df_callback *callback, df_section *out,
                                        df_error *err);

/* By id, version ("9", "009" and "9.0" find 009; "latest"), file name, name, or sqitch's "@tag"; NULL when
 * there is none. DF_USAGE when ambiguous. */
DF_MUST_USE df_code df_migration_find(df_migration_set *set, df_str wanted, df_migration **out,
                                      df_error *err);
/* <0, 0, >0 as versions order: numeric, dotted and dated part by part; "10" behind "9", "1.10" behind "1.9",
 * "2017-09-23-182408" as 20170923182408. */
int df_version_compare(df_str a, df_str b);

/* ---- its statements ---- */

/* A directive: this UPDATE, DELETE or INSERT … SELECT runs in batches by key ranges. */
typedef struct df_batch {
    df_str table, key; /* -- @batch table=t key=id size=10000 pause=50ms max-lag=5s ; table may be left out */
    int64_t size;      /* rows a batch; default 10000 */
    int64_t pause_ms;  /* between two batches */
    int64_t max_lag_ms; /* waits while replicas are further behind; -1: does not look */
} df_batch;

typedef struct df_step {
    df_sql_statement statement; /* text after placeholders; number in the section, line as in the file */
    const char *path;           /* the file it stands in */
    df_sql_facts facts;
    df_hash128 hash;       /* of the normal form before placeholders: what the journal compares */
    const df_batch *batch; /* NULL: runs as it is */
    bool whole; /* goose's StatementBegin/End: several statements that are sent as one, or one that the
                 * splitter does not understand; facts hold the flags of all of them */
} df_step;

typedef struct df_steps {
    df_step *items;
    size_t count;
    char checksum[65]; /* SHA-256 over the normal forms, one a line, before placeholders */
} df_steps;

/* Placeholders: name → value. `${name}` in all layouts that have them (native, Flyway with its flyway: names,
 * goose with ENVSUB from the environment). */
typedef struct df_placeholder {
    const char *name, *value;
} df_placeholder;
typedef struct df_placeholders {
    const df_placeholder *items;
    size_t count;
    bool keep_unknown; /* an unknown ${name} is left as it is instead of being an error */
} df_placeholders;

/*
 * Splits a section. All memory from `arena`; texts may be views of the set's. Errors carry file, line and
 * statement number. An absent section has no steps and an empty checksum. `placeholders` NULL: `${…}` is left
 * as it is.
 */
DF_MUST_USE df_code df_section_steps(const df_migration_set *set, const df_section *section,
                                     const df_placeholders *placeholders, df_arena *arena, df_steps *out,
                                     df_error *err);

/*
 * A section as text that can be kept (in the history) and read again without its files: what its file's
 * layout says beside the text (no transaction, limits) goes into a first line. df_section_of_text makes the
 * same section of it; `path` stands for the file in messages, `text` must outlive the section.
 */
void df_section_text(const df_section *section, df_buf *out);
DF_MUST_USE df_code df_section_of_text(const df_migration_set *set, df_str text, const char *path,
                                       df_section *out, df_error *err);

/* The checksum alone (of the up section), for comparing with the history; the migration is loaded when it was
 * not. */
DF_MUST_USE df_code df_migration_checksum(df_migration_set *set, df_migration *migration, char out[65],
                                          df_error *err);

/*
 * The checksum that neo4j-migrations keeps of a file's text (its bytes, a byte order mark included): CRC32 of
 * its statements as it splits them, in decimal. False where it refuses the text (`:use` inside of a
 * statement), and of catalogs, whose checksums are made of canonical XML.
 */
bool df_neo4j_migrations_checksum(df_str file_text, char out[12]);
/* Whether a checksum of its history is that of the text: as above, with line ends of Unix (autocrlf), without
 * preconditions, or Flyway's way. */
bool df_neo4j_migrations_checksum_is(df_str file_text, df_str checksum);

/* ---- making a new one ---- */

typedef struct df_new_options {
    const char *folder, *name; /* "add notifications" */
    df_layout layout;          /* AUTO: that of the folder; native in an empty one */
    const char *dialect;       /* "postgres" …: for layouts that have one; may be NULL */
    bool breaking, dated; /* dated: a time stamp where the folder is empty; else as its newest is numbered */
    df_risk risk;
    const char *author; /* NULL: the user's name */
} df_new_options;
/* Creates the file(s), never over an existing one; `*path` (in arena) is the (first) file made. */
DF_MUST_USE df_code df_migration_new(const df_new_options *options, df_arena *arena, const char **path,
                                     df_error *err);

#endif
