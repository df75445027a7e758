/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder know of each other. */
#ifndef DF_MIGRATION_FILES_INT_H
#define DF_MIGRATION_FILES_INT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "migration/files/plan.h"

/* ---- text (text.c) ---- */

static inline bool mf_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool mf_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline char mf_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline bool mf_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
/* Equal but for the case of ASCII letters. */
bool mf_same(df_str a, const char *b);
bool mf_ends(df_str s, const char *suffix);
/* Without blanks at both ends. */
df_str mf_trim(df_str s);
/* From `from` up to and without `to`. */
static inline df_str mf_cut(df_str s, size_t from, size_t to)
{
    return (df_str){s.ptr + from, to - from};
}
/* Whether the line begins with the dialect's mark of a comment ("--", "//"); takes it off, and further such
 * characters and blanks behind it. */
bool mf_take_mark(const df_sql_dialect *dialect, df_str *line);
/* What stands behind the last "/". */
static inline df_str mf_base(df_str path)
{
    const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    return slash ? df_str_skip(path, (size_t)(slash + 1 - path.ptr)) : path;
}
/* Takes the next line off `rest`, without its line end; false at the end. */
bool mf_line(df_str *rest, df_str *line);
/* Takes the next word (no blanks) off `rest`; empty at the end. */
df_str mf_word(df_str *rest);
int32_t mf_lines_before(df_str text, const char *at);
/* "500ms", "30s", "10min", "2h", "0", "1500" (milliseconds); false when it is none of these. */
bool mf_duration(df_str text, int64_t *ms);
/* Steps of single characters (insert, delete, replace, swap) from one word to the other; at most `limit` + 1.
 */
size_t mf_distance(df_str a, df_str b, size_t limit);
/* Value of `key = value` in a file of such lines (TOML, properties, INI) under `section` (NULL: in front of
 * the first one), without quotes and comments; absent when it is not there. */
df_str mf_setting(df_str text, const char *section, const char *key);

/* ---- versions (version.c) ---- */

/* Appends a text that is equal for two versions exactly when they compare as equal. */
void mf_version_key(df_str version, df_buf *out);
/* A version as people write it beside files with stamps: "2025.10.15.143022" and "20251015.143022" become the
 * stamp (in `stamp`, 14 digits); any other is itself. */
df_str mf_wanted_version(df_str text, char stamp[15]);
/* Its first numbers, for finding gaps; how many there are, at most `max`; 0 when one is too long. */
size_t mf_version_numbers(df_str version, int64_t *out, size_t max);

/* ---- names (names.c) ---- */

typedef enum mf_role { MF_BOTH, MF_UP, MF_DOWN, MF_VERIFY, MF_CONFIG } mf_role;

/* What kind of name it is (endings are the dialect's): by how it is written, before any layout is known. */
typedef enum mf_class {
    MF_NO_CLASS,
    MF_SINGLE,     /* 001_name.sql */
    MF_PAIR,       /* 001_name.up.sql, also with a dialect or .autocommit; 001.do.name.sql */
    MF_FLYWAY_V,   /* V1__name.sql, U1__name.sql, B1__name.sql */
    MF_AUTHELIA_V, /* V0001.Name.up.sql */
    MF_REPEATABLE, /* R__name.sql, R_name.sql */
    MF_BESIDE,     /* 001_name.rollback.sql: the way down of 001_name.sql */
    MF_CODE,       /* 001_name.go, 1391877300255_name.js, V1__name.xml: for programs to run */
    MF_FOREIGN,    /* of whatever name, with the ending of another kind of database */
} mf_class;

struct mf_listing;

typedef struct mf_name {
    mf_class cls;
    mf_role role;
    df_migration_kind kind;
    df_str id, version,
        name;           /* version as it is compared: "1.10" of V1_10__x; id without direction and dialect */
    df_str raw_version; /* as it stands in the name */
    df_str dialect;     /* absent: none is named */
    bool autocommit;
} mf_name;

/* Reads a file name (without its folder). `scratch` keeps what is not a view of it. */
mf_name mf_name_parse(df_str file, const df_sql_dialect *dialect, df_arena *scratch);
/* The same of an entry of a folder, where names say more of each other: 001_name_up.sql and 001_name_down.sql
 * are a pair, and 001_name_rollback.sql is the way down of 001_name.sql. */
mf_name mf_name_among(const struct mf_listing *listing, df_str file, const df_sql_dialect *dialect,
                      df_arena *scratch);
/* The numbers that go on behind the version, as one version: "2024_01_15_120000_name" has 2024.01.15.120000.
 * Absent when none follows. */
df_str mf_longer_version(const mf_name *name, df_arena *scratch, df_str *rest);
/* Takes the ending off a name that has one of a database's files; *own: of this dialect's. */
bool mf_take_ending(df_str *file, const df_sql_dialect *dialect, bool *own);
/* "up" → "up.sql": with the dialect's ending. */
const char *mf_script(df_arena *arena, const char *stem, const df_sql_dialect *dialect);
/* What the dialect's language is called: "SQL", "Cypher". */
const char *mf_language(const df_sql_dialect *dialect);
/* Whether the name ends as the dialect's files do. */
bool mf_ends_own(df_str file, const df_sql_dialect *dialect);
/* "001_name", "2017-09-23-182408_name": version, and where the name begins; false when it does not begin with
 * a version. */
bool mf_split_version(df_str text, df_str *version, df_str *name);
/* Whether the word names a kind of database, and whether it is that of `dialect`. */
bool mf_is_dialect(df_str word, const df_sql_dialect *dialect, bool *same);

/* ---- folders (list.c) ---- */

typedef struct mf_entry {
    df_str name; /* with a NUL behind it */
    bool folder;
    bool strange; /* neither file nor folder */
} mf_entry;

struct mf_listing {
    mf_entry *items; /* sorted by bytes */
    size_t count;
};
typedef struct mf_listing mf_listing;

/* What a folder holds (`path` relative to fd), without hidden names. DF_NOT_FOUND … name `shown`. */
DF_MUST_USE df_code mf_list(int fd, const char *path, const char *shown, df_arena *arena, mf_listing *out,
                            df_error *err);
bool mf_exists(int fd, const char *path);
/* Whether a folder of the listing has this file in it, for at least one of the first few. */
size_t mf_folders_with(int fd, const mf_listing *listing, const char *file, size_t limit);

/* ---- the set ---- */

typedef struct mf_file {
    mf_role role;
    bool no_transaction; /* its name says so */
    const char *path;    /* relative to the folder */
    df_str text;         /* a piece of a file that was read already; absent: the whole file, to be read */
    int32_t line;        /* lines of the file in front of that piece */
    bool hashed;         /* `hash` is that of its bytes, made ahead; good for one use (ahead.c) */
    df_hash128 hash;
} mf_file;

/* A migration before it has its place. */
typedef struct mf_draft {
    df_str id, version, name, file;
    df_str order; /* by which it is placed: mostly the version */
    df_migration_kind kind;
    bool fixed;   /* it keeps the place where it was found (sqitch) */
    bool by_text; /* its name is its version, and names are ordered as text (prisma) */
    mf_file files[4];
    size_t n_files;
    df_str *requires, *conflicts; /* sqitch */
    size_t n_requires, n_conflicts;
    df_str tag, note, author; /* sqitch: "@v1 @v2"; what the plan says of it */
    const char **listed;      /* temporal: what the manifest names, once it was read */
    size_t n_listed;
    df_str described;
    const char **alternatives; /* paths of files of one name, one of which is in `files`; NULL: none */
    size_t n_alternatives;
    const struct mf_xml *catalog; /* the root of the catalog `catalog_path`, once another one asked for it */
    const char *catalog_path;
} mf_draft;

typedef struct mf_set {
    df_migration_set set; /* first: the two are converted into each other */
    int fd;               /* the folder */
    mf_draft *drafts;     /* side by side with set.items */
    size_t n_drafts, drafts_cap, findings_cap;
    df_buf read;          /* reused by df_migration_hash */
    df_json_parser *json; /* opened when the first header is read */
    const df_observer *observer;
    df_str deploy, revert, verify; /* sqitch: its folders */
    const char *plan;              /* sqitch: its plan */
    const char *environment; /* that it is for */
    /* A folder that is parted by environments: "common", "dev", and the folders of other environments. */
    const char **scopes, **other_scopes;
    size_t n_scopes, n_other_scopes;
    size_t callbacks_cap;
    struct mf_ahead *ahead; /* a thread that hashes the files; it alone writes to them until it was waited for */
} mf_set;

/* Waits for what df_migrations_read_ahead started (ahead.c). */
void mf_wait_ahead(mf_set *s);

static inline mf_set *mf_impl(df_migration_set *set)
{
    return (mf_set *)(void *)set;
}
static inline mf_draft *mf_draft_of(mf_set *s, const df_migration *m)
{
    return &s->drafts[m - s->set.items];
}

/* A new draft, zeroed, at the end; valid until the next one. */
mf_draft *mf_add(mf_set *s);
void mf_add_file(mf_draft *draft, mf_role role, const char *path, bool no_transaction);
/* `hint` may be NULL. */
void mf_find(mf_set *s, const char *kind, bool blocks, const char *file, int64_t line, const char *hint,
             const char *fmt, ...) DF_PRINTF(7, 8);
/* The path of a file of the folder, as it can be opened. */
const char *mf_path(mf_set *s, const char *file);
char *mf_join(df_arena *arena, const char *a, const char *b);

/* ---- recognising and collecting: each adds drafts and findings ---- */

/* Which layout a listed folder has; DF_LAYOUT_AUTO when there is nothing to go by. Reads a few files
 * (recognise.c). */
DF_MUST_USE df_code mf_recognise(mf_set *s, const mf_listing *listing, df_layout *out, df_error *err);
/* The first part of a file of the folder, instead of what `out` holds. */
DF_MUST_USE df_code mf_read_head(mf_set *s, const char *name, df_buf *out, df_error *err);
/* Which layout a text is written for, by its marks: GOOSE, DBMATE, NODE_PG, NATIVE, SQLX, LIQUIBASE, or AUTO.
 */
df_layout mf_marks(const df_sql_dialect *dialect, df_str text);
/* Layouts of files that stand side by side (collect.c). */
DF_MUST_USE df_code mf_collect_files(mf_set *s, const mf_listing *listing, df_error *err);
/* Layouts with a folder a migration (folders.c). */
DF_MUST_USE df_code mf_collect_folders(mf_set *s, const mf_listing *listing, df_error *err);
/* Where nothing was collected: a finding that blocks, when scripts lie in folders further below (below.c). */
void mf_look_further_below(mf_set *s, const mf_listing *listing);
/* sqitch.plan (sqitch.c). */
DF_MUST_USE df_code mf_collect_sqitch(mf_set *s, const mf_listing *listing, df_error *err);
/* Changelogs of Liquibase, each of many migrations (liquibase.c). */
DF_MUST_USE df_code mf_collect_liquibase(mf_set *s, const mf_listing *listing, df_error *err);
/* One changelog that is being read. */
typedef struct mf_changelog {
    mf_set *s;
    const char *path;  /* relative to the folder */
    const char *given; /* as another changelog includes it, which is its name in the history; else `path` */
    df_str text;
    df_keymap *ids, *included; /* of all changelogs; paths of those that another one includes */
    size_t *others;            /* changesets for other databases, or ignored */
    size_t *elsewhere;         /* those for other contexts */
    int depth;
} mf_changelog;
typedef struct mf_changeset {
    df_str author, id, logical_path;
    bool no_transaction, again, ignored;
    const char *other; /* an attribute that would change what runs, and is not known here */
    df_str dbms, contexts;
    df_str delimiter; /* that ends its statements instead of a semicolon; absent */
    bool labelled;
} mf_changeset;
/* Takes what an attribute says. */
void mf_changeset_attribute(mf_set *s, df_str name, df_str value, mf_changeset *out);
/* Whether our database is among those that are named. */
bool mf_is_dbms(const mf_set *s, df_str dbms);
/* Whether an expression of contexts holds for the environment; an absent one does (liquibase_context.c). */
bool mf_is_context(const mf_set *s, df_str contexts);
/* Adds a changeset, whose text begins behind `line` of its file. */
void mf_add_changeset(mf_changelog *c, const mf_changeset *set, df_str text, int32_t line);
/* A formatted changelog, or one in XML; raw: a script without marks is one changeset (includeAll). */
DF_MUST_USE df_code mf_take_changelog(mf_changelog *c, bool raw, df_error *err);
/* Whether a file is a changelog in XML that is read here. */
bool mf_is_xml_changelog(mf_set *s, df_str name);
/* A changelog in XML, and one whose text was read (liquibase_xml.c). */
DF_MUST_USE df_code mf_take_xml_changelog(mf_changelog *c, df_error *err);
DF_MUST_USE df_code mf_xml_changelog(mf_changelog *c, df_error *err);
/* Notes which files it includes. */
DF_MUST_USE df_code mf_note_included(mf_changelog *c, df_error *err);
/* Whether a file is a changelog in XML, YAML or JSON. */
bool mf_is_other_changelog(mf_set *s, df_str name);
/* The finding of a file that only another tool can run. */
void mf_find_code(mf_set *s, const char *path);
/* Adds a callback to the set when the name, without its ending, is one's; `path` is relative to the folder
 * (callback.c). */
bool mf_take_callback(mf_set *s, df_str stem, const char *path);
void mf_sort_callbacks(mf_set *s);

/* ---- environments (scope.c) ---- */

/* A folder inside of the one that was named, and what is in it. */
typedef struct mf_candidate {
    const char *name;
    df_layout layout;
    bool named_so; /* for our dialect: "postgres" */
    bool foreign;  /* for another one */
} mf_candidate;
/* Whether the folders part the migrations by environments; if so fills scopes and other_scopes, and says
 * whose layout they have. */
bool mf_part(mf_set *s, const mf_candidate *folders, size_t count, const char *environment,
             df_layout *layout);
/* Whether the word is a name of the environment that the set is for: "prod" and "production" are one. */
bool mf_is_environment(const mf_set *s, df_str word);
/* Whether a folder of this name parts migrations by environments. */
bool mf_is_scope(df_str folder);
/* Whether the id is that of a migration of another environment. */
bool mf_is_elsewhere(const mf_set *s, df_str id);

/* ---- preconditions (precondition.c) ---- */

/* Reads those of a text's comment lines. Where the layout has none of them, what cannot be read is a finding.
 */
DF_MUST_USE df_code mf_preconditions(mf_set *s, const mf_file *file, df_str text, df_migration *m,
                                     df_error *err);
/* Whether a comment, without its mark, is one. */
bool mf_is_precondition(df_str comment);
/* *same: both files have the same preconditions, or one of them has none. */
DF_MUST_USE df_code mf_same_preconditions(mf_set *s, const char *a, const char *b, bool *same, df_error *err);

/* ---- catalogs of neo4j-migrations (xml.c, catalog.c) ---- */

typedef struct mf_xml_attribute {
    df_str name, value;
    struct mf_xml_attribute *next;
} mf_xml_attribute;

typedef struct mf_xml {
    bool instruction; /* <?name text?> */
    df_str name;      /* without its prefix */
    df_str text;      /* all text in it, but for that of its elements; without blanks at both ends */
    int32_t line, text_line; /* text_line: of the first character of `text`; 0 without any */
    mf_xml_attribute *attributes;
    struct mf_xml *first, *next; /* the first node inside, and the one behind */
} mf_xml;

/* Reads a document: its root element and the instructions around it, from `first` on. DF_CORRUPT with its
 * line when it is not well formed, DF_UNSUPPORTED for a document type. */
DF_MUST_USE df_code mf_xml_parse(df_str text, const char *path, df_arena *arena, mf_xml **first,
                                 df_error *err);
/* The value of an attribute; absent when it has none. */
df_str mf_xml_get(const mf_xml *node, const char *attribute);
/* The first element of this name inside; NULL when there is none. */
const mf_xml *mf_xml_child(const mf_xml *node, const char *name);

/* The root element. */
const mf_xml *mf_xml_root(const mf_xml *first);
/* Whether an attribute says "true" or "1"; `otherwise` without it. */
bool mf_xml_true(const mf_xml *node, const char *attribute, bool otherwise);

/* One that is being read. */
typedef struct mf_catalog {
    mf_set *s;
    const char *path;   /* as it can be opened */
    const char *own;    /* relative to the folder */
    const mf_xml *root; /* <migration> */
    df_buf out;
    int32_t line; /* of `out` */
    bool applies; /* has MF_CLEARING in `out` */
    df_precondition *needs;
    size_t n_needs, needs_cap;
    df_error *err;
} mf_catalog;

/* Stands for the statements that drop what is there: what the queries of mf_catalog_clearing answer. */
#define MF_CLEARING "DROP CONSTRAINTS AND INDEXES"
extern const char *const mf_catalog_clearing[];

df_code mf_catalog_refuse(mf_catalog *c, const mf_xml *node, df_code code, const char *what, df_str name);
/* Takes the next label or type off "A|B\|C" of an index; false at the end. */
bool mf_next_label(df_str *rest, df_buf *label);
/* Appends what creates or drops an item; careful: IF NOT EXISTS, IF EXISTS (catalog_item.c). */
DF_MUST_USE df_code mf_catalog_put_item(mf_catalog *c, const mf_xml *item, bool create, bool careful);
/* The item of its own catalog, else of the newest one before it that has it (catalog_schema.c). */
DF_MUST_USE df_code mf_catalog_find(mf_catalog *c, const mf_xml *node, df_str name, const mf_xml **out);
/* All items as of this catalog (own), or of those in front of it: constraints first. */
DF_MUST_USE df_code mf_catalog_items(mf_catalog *c, bool own, const mf_xml ***out, size_t *count);
/* Adds a precondition of the migration. */
void mf_catalog_require(mf_catalog *c, const mf_xml *node, df_precondition what);
/* The same, where only the Enterprise Edition can create the item. */
void mf_catalog_require_edition(mf_catalog *c, const mf_xml *node, const mf_xml *item);
/* Adds those of <verify>. */
DF_MUST_USE df_code mf_catalog_verify(mf_catalog *c, const mf_xml *node);

/* Appends what <refactor> does, as one statement without its semicolon; nothing where it has nothing to do.
 * needs->said is set where it asks something of the database (refactoring.c, merge.c). */
DF_MUST_USE df_code mf_put_refactoring(const mf_xml *node, const char *path, df_buf *out,
                                       df_precondition *needs, df_error *err);
/* A <parameter> by its name; NULL when there is none. */
const mf_xml *mf_parameter(const mf_xml *of, const char *name);
/* The name of the only column of a query, as it is written there; absent when it has none. */
df_str mf_column_of(df_str query);
/* merge.nodes. */
DF_MUST_USE df_code mf_put_merge(const mf_xml *node, const char *path, df_buf *out, df_precondition *needs,
                                 df_error *err);
/* Whether a file is a catalog, by its name. */
bool mf_is_catalog(const char *path);
/* What a catalog does, as Cypher; each statement stands in the line in which the catalog says it. Catalogs of
 * the migrations in front of it are read where it names one of their items, verifies or applies. Preconditions
 * are added to `m`; *clearing is NULL, or what to ask for the statements that MF_CLEARING stands for. */
DF_MUST_USE df_code mf_catalog_text(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_str *out,
                                    const char *const **clearing, df_error *err);

/* Makes `items` of the drafts, in order, and looks for duplicates, gaps, clashes (order.c). */
void mf_order(mf_set *s);

/* ---- reading (read.c) ---- */

enum { MF_MAX_FILE = 512 << 20 };
/* Appends what the descriptor has to give; `path` is for errors. Touches nothing else, so that any thread may. */
DF_MUST_USE df_code mf_read_to_end(int fd, const char *path, df_buf *out, df_error *err);
/* Appends a file of the folder to `out`. */
DF_MUST_USE df_code mf_read(mf_set *s, const char *path, df_buf *out, df_error *err);
/* The same into the set's arena; a byte order mark is taken off, UTF-16 and NUL refused. */
DF_MUST_USE df_code mf_read_text(mf_set *s, const char *path, df_str *out,
                                 df_error *err); /* s->read keeps its bytes */
/* The raw hash of several files. Of one: its bytes' hash. Of several: over the list of roles and hashes, so
 * that a way down that moves into the way up, or is emptied instead of removed, is seen. */
typedef struct mf_raw_hash {
    df_hash128 hashes[64];
    unsigned char roles[64];
    size_t count;
} mf_raw_hash;
void mf_raw_add(mf_raw_hash *raw, mf_role role, df_str bytes);
df_hash128 mf_raw_end(const mf_raw_hash *raw);
/* temporal: reads which files a manifest names, once. */
DF_MUST_USE df_code mf_manifest(mf_set *s, mf_draft *draft, df_error *err);
df_code mf_fail(df_error *err, df_code code, const char *path, int64_t line, const char *fmt, ...)
    DF_PRINTF(5, 6);

/* ---- marks of other tools (marks.c) ---- */

typedef enum mf_mark_kind {
    MF_NO_MARK,
    MF_MARK_UP,
    MF_MARK_DOWN,
    MF_MARK_BEGIN, /* what follows is sent as it is, up to … */
    MF_MARK_END,
    MF_MARK_NOTE,    /* says something of the whole file */
    MF_MARK_UNKNOWN, /* the tool's, but not one that it has */
} mf_mark_kind;

typedef struct mf_mark {
    df_layout layout;
    mf_mark_kind kind;
    bool no_transaction;
} mf_mark;
/* What a line says to sql-migrate, tern, MyBatis, Play, shmig or rambler. */
mf_mark mf_tool_mark(df_str line);
/* "ROLLBACK", "=== Down migration ===": a comment that is no mark, and may be meant as one. */
bool mf_seems_down(df_str comment);
/* Whether it is worth to look through the lines of a text for such marks. */
bool mf_may_have_tool_marks(df_str text);

/* ---- sections (sections.c), headers (header.c), directives (directive.c) ---- */

/* Cuts a file that holds both directions, as the layout says. */
DF_MUST_USE df_code mf_cut_sections(mf_set *s, const mf_file *file, df_str text, df_migration *m,
                                    df_error *err);
/* A file that is one section. */
df_section mf_whole_section(mf_set *s, const mf_file *file, df_str text);
/* Refuses a text that is written for another tool: run as it is, it would do something else. */
DF_MUST_USE df_code mf_refuse_foreign(mf_set *s, const mf_file *file, df_str text, df_error *err);

/* File and line of a place in a section's text. */
void mf_place(const df_section *section, const char *at, const char **path, int64_t *line);

/* Reads -- @metadata { … }, or a block comment that is a header, if the text has one. */
DF_MUST_USE df_code mf_header(mf_set *s, const mf_file *file, df_str text, df_metadata *out, df_error *err);

/* Reads a block comment in front of everything else that is a header: "Migration: …", "Version: …". What is
 * odd about it is a finding. */
void mf_block_header(mf_set *s, const mf_file *file, df_str text, df_migration *m);
/* A changeset of Liquibase: its statements and, behind --rollback, its way down. */
DF_MUST_USE df_code mf_cut_changeset(mf_set *s, const mf_file *file, df_str text, df_migration *m,
                                     df_error *err);
/* Whether the line is the first one of a changelog: --liquibase formatted cypher. */
bool mf_is_changelog(const df_sql_dialect *dialect, df_str line);

/* In a folder of Atlas: which files hold all that the ones in front of them do (`-- atlas:checkpoint`). */
DF_MUST_USE df_code mf_find_checkpoints(mf_set *s, const mf_listing *listing, df_error *err);
/* What stands behind `-- atlas:NAME` in the comment lines that the text begins with; false when none does. */
bool mf_atlas_directive(const df_sql_dialect *dialect, df_str text, const char *name, df_str *value);
/* What ends the statements of a file, where it is not the semicolon: `-- atlas:delimiter //`, `--;;`. */
typedef struct mf_end {
    df_str word;
    bool alone; /* only where it begins a line */
    bool line;  /* what follows in its line is part of it */
} mf_end;
bool mf_delimiter(const df_migration_set *set, df_str text, mf_end *out);
/* Where the next one is, at or behind `at`, outside of quotes and comments; text.len without one. */
size_t mf_next_end(const df_sql_dialect *dialect, df_str text, size_t at, const mf_end *end);
size_t mf_behind_end(df_str text, size_t at, const mf_end *end);
/* A file of Atlas that holds several (txtar): migration.sql, down.sql, and checks.sql, whose queries are
 * preconditions. */
bool mf_is_archive(const df_sql_dialect *dialect, df_str text);
DF_MUST_USE df_code mf_cut_archive(mf_set *s, const mf_file *file, df_str text, df_migration *m,
                                   df_error *err);

/* The next comment line (--, //) outside of quotes whose line has nothing in front of it; `at` goes on.
 * `text` of it without the mark and blanks around. */
typedef struct mf_comment {
    df_str text;   /* "@batch key=id", "UP" */
    size_t offset; /* of its line */
    size_t next;   /* of the line behind */
} mf_comment;
bool mf_next_comment(const df_sql_dialect *dialect, df_str text, size_t *at, mf_comment *out);

/* Reads the directives of a section: those of its first line behind `words` (may be empty), and its comment
 * lines. Unknown ones become findings of `s`, when it is not NULL. */
DF_MUST_USE df_code mf_directives(mf_set *s, const df_sql_dialect *dialect, df_section *section, df_str words,
                                  const char *shown, df_error *err);
/* Whether all words of the line are directives of a section, or look like ones. */
bool mf_are_directives(df_str words);
/* @batch: `words` is what stands behind it. */
DF_MUST_USE df_code mf_batch(df_str words, const char *path, int64_t line, df_arena *arena,
                             const df_batch **out, df_error *err);

/* ---- steps (steps.c), placeholders (placeholder.c) ---- */

/* One statement of a section as it was split. */
typedef struct mf_raw {
    df_sql_statement statement; /* number in the section, line in its file */
    const char *path;
    df_str gap;         /* what stands between it and the statement before */
    int32_t gap_line;   /* the line in which the gap begins */
    bool whole, failed; /* failed: the splitter gave up on it */
    bool substitute;    /* goose: ENVSUB is on */
} mf_raw;

typedef struct mf_raws {
    mf_raw *items;
    size_t count, cap;
} mf_raws;

/* All statements of a section; free(items) afterwards. */
DF_MUST_USE df_code mf_split(const df_migration_set *set, const df_section *section, mf_raws *out,
                             df_error *err);
/* The normal form of a raw statement, with its data. */
void mf_normal(const df_sql_dialect *dialect, const mf_raw *raw, df_buf *out);

/* Puts values for placeholders; *out is `text` itself when there are none. */
DF_MUST_USE df_code mf_substitute(const df_migration_set *set, const df_placeholders *placeholders,
                                  const mf_raw *raw, df_str text, df_arena *arena, df_str *out,
                                  df_error *err);
/* goose's ${VAR}, $VAR, ${VAR:-default} … from the environment (environment.c). */
DF_MUST_USE df_code mf_environment(df_str text, df_buf *out, df_error *err);

/* ---- new ones (number.c, new.c) ---- */

/* The version behind `newest` (absent: the first one), in its style. */
df_str mf_next_version(df_layout layout, df_str newest, bool dated, int64_t now_ms, df_arena *arena);

/* ---- plans (plan.c, match.c, judge.c, depend.c) ---- */

typedef struct mf_sum {
    bool known;
    char text[65];
} mf_sum;

/* A plan being made. Side by side with set->items: `rows`, `items`, `sums`; with applied: `owners`. */
typedef struct mf_planner {
    df_migration_set *set;
    const df_applied *applied;
    size_t n_applied;
    const df_plan_options *options;
    df_arena *arena;
    int64_t *rows;   /* the row of an item, -1 when it has none */
    int64_t *owners; /* the item of a row, -1 when it has none */
    bool *twins;     /* another item has its version */
    df_plan_item *items;
    mf_sum *sums;
    size_t newest;                    /* 1 + position of the newest applied one in the folder */
    df_str newest_version, newest_id; /* of those in the history alone; absent when there is none */
    const df_migration *base;         /* Flyway: the baseline that was or will be applied */
    size_t baseline;                  /* items in front of this position are there already */
} mf_planner;

/* Whether the versions of a layout order by their value, and tell migrations apart. */
bool mf_has_versions(df_layout layout);
/* An error that is no matter of one file. */
static inline bool mf_is_general(df_code code)
{
    return code == DF_NO_MEMORY || code == DF_CONNECT;
}
/* An applied migration is there: completed, or failed only in being taken back. */
bool mf_is_there(const df_applied *row);
/* Fills rows and owners: by id, by version, by checksum. */
DF_MUST_USE df_code mf_match(mf_planner *p, df_error *err);
/* The checksum of an item, computed once. */
DF_MUST_USE df_code mf_sum_of(mf_planner *p, size_t item, const char **out, df_error *err);
/* Verdicts of all items, but for dependencies; errors of single files become verdicts. */
DF_MUST_USE df_code mf_judge(mf_planner *p, df_error *err);
/* Blocks what needs something that is not there. */
void mf_check_dependencies(mf_planner *p);
void mf_set_verdict(mf_planner *p, df_plan_item *item, df_verdict verdict, const char *hint, const char *why,
                    ...) DF_PRINTF(5, 6);
/* Whether `up` would run it. */
bool mf_waits(const df_plan_item *item);
/* The text as one word of a shell. */
const char *mf_shell(df_arena *arena, df_str text);

#endif
