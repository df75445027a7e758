/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of backups share; nobody outside of this folder includes it. */
#ifndef DF_OPERATE_BACKUP_INT_H
#define DF_OPERATE_BACKUP_INT_H

#include "base/digest.h"
#include "engine/copy.h"
#include "io/file.h"
#include "io/process.h"
#include "operate/backup.h"

/* ---- the file (docs/reference/backup-format.md) ---- */

enum {
    BK_KEY_BYTES = 32,
    BK_SALT_BYTES = 32,
    BK_SEAL_BYTES = 16,
    BK_CHUNK_BYTES = 1 << 20, /* of the dump in one chunk */
    BK_HEAD_FIXED = 72,       /* bytes of the head before its JSON */
    BK_RECORD_BYTES = 48,     /* before a chunk, and before the manifest */
    BK_MAX_JSON = 1 << 20,
    BK_MAX_MANIFEST = 64 << 20,
    BK_VERSION = 1,
    BK_FLAG_ZSTD = 1,
    BK_FLAG_AES = 2,
    /* zstd's programs pass over frames that begin so: a backup that is not encrypted is a .zst file, too. */
    BK_MAGIC_RECORD = 0x184D2A5D,
    BK_MAGIC_HEAD = 0x184D2A5E,
};

/* backup_crypt.c. A file has a key of its own, made from the user's and the file's salt, so that a counter can be
 * the nonce. */
typedef struct bk_cipher {
    void *context;
    unsigned char key[BK_KEY_BYTES];
} bk_cipher;
/* 64 hexadecimal digits; DF_USAGE otherwise, and nothing of the text is told. */
DF_MUST_USE df_code bk_key_parse(const char *hex, unsigned char key[BK_KEY_BYTES], df_error *err);
DF_MUST_USE df_code bk_random(void *bytes, size_t len, df_error *err);
/* `check` tells whether a key fits a file. */
DF_MUST_USE df_code bk_cipher_open(bk_cipher *cipher, const char *hex,
                                   const unsigned char salt[BK_SALT_BYTES],
                                   unsigned char check[BK_SEAL_BYTES], df_error *err);
void bk_cipher_close(bk_cipher *cipher);
/* Encrypts in place; the seal covers `about` too. */
DF_MUST_USE df_code bk_encrypt(bk_cipher *cipher, uint64_t index, df_str about, void *bytes, size_t len,
                               unsigned char seal[BK_SEAL_BYTES], df_error *err);
/* Decrypts in place; *fits false when the seal is another. */
DF_MUST_USE df_code bk_decrypt(bk_cipher *cipher, uint64_t index, df_str about, void *bytes, size_t len,
                               const unsigned char seal[BK_SEAL_BYTES], bool *fits, df_error *err);

/* backup_write.c */
typedef struct bk_writer bk_writer;
/* A new file, readable by its owner alone, locked while it is written: a lock that is free tells a dead
 * writer. */
DF_MUST_USE df_code bk_writer_open(const char *path, df_str json, bool compress, const char *key,
                                   bk_writer **out, df_error *err);
/* More of the dump. */
DF_MUST_USE df_code bk_write(bk_writer *writer, const void *bytes, size_t len, df_error *err);
int64_t bk_written(const bk_writer *writer); /* bytes of the dump so far */
typedef struct bk_totals {
    int64_t file_bytes, dump_bytes;
    char checksum[DF_SHA256_HEX + 1]; /* of the whole file */
} bk_totals;
/* The manifest ends the file, which is on the disk when this returns. */
DF_MUST_USE df_code bk_writer_finish(bk_writer *writer, df_str manifest, bk_totals *out, df_error *err);
void bk_writer_close(bk_writer *writer); /* NULL is fine; the file stays as it is */

/* backup_read.c. Whatever is wrong with a file is DF_CORRUPT with its name and the offset. */
typedef struct bk_head {
    bool compressed, encrypted;
    df_str json;
    int64_t bytes; /* length of the head */
    unsigned char salt[BK_SALT_BYTES], check[BK_SEAL_BYTES], digest[DF_SHA256_BYTES];
} bk_head;
/* The head alone needs no key. */
DF_MUST_USE df_code bk_head_read(const df_input *input, df_arena *arena, bk_head *out, df_error *err);

typedef struct bk_reader bk_reader;
/* DF_USAGE when there must be a key and none is given, DF_PERMISSION when it is another one's. */
DF_MUST_USE df_code bk_reader_open(const df_input *input, const char *key, bk_reader **out, df_error *err);
const bk_head *bk_reader_head(const bk_reader *reader);
/* The next piece of the dump, valid until the next call; absent at the end, when the manifest has been read.
 */
DF_MUST_USE df_code bk_read(bk_reader *reader, df_str *piece, df_error *err);
df_str bk_manifest(const bk_reader *reader);     /* absent before the end */
int64_t bk_read_offset(const bk_reader *reader); /* bytes of the file so far */
void bk_reader_close(bk_reader *reader);

static inline void bk_put16(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}
static inline void bk_put32(unsigned char *p, uint32_t v)
{
    bk_put16(p, v);
    bk_put16(p + 2, v >> 16);
}
static inline void bk_put64(unsigned char *p, uint64_t v)
{
    bk_put32(p, (uint32_t)v);
    bk_put32(p + 4, (uint32_t)(v >> 32));
}
static inline uint32_t bk_get16(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t bk_get32(const unsigned char *p)
{
    return bk_get16(p) | bk_get16(p + 2) << 16;
}
static inline uint64_t bk_get64(const unsigned char *p)
{
    return bk_get32(p) | (uint64_t)bk_get32(p + 4) << 32;
}
/* Seals what is not encrypted: against accidents. The first bytes of a SHA-256. */
DF_MUST_USE df_code bk_seal_plain(df_str about, const void *bytes, size_t len,
                                  unsigned char seal[BK_SEAL_BYTES], df_error *err);

/* ---- the engines' tools ---- */

/* A folder with pg_dump, pg_restore and psql of one version. */
typedef struct bk_tool {
    const char *folder;
    int64_t major;
} bk_tool;
/* The first number in a text: "pg_dump (PostgreSQL) 15.20", "PostgreSQL 15.20". */
int64_t bk_major_version(const char *text);
/* The server's own version, else the oldest of those that are newer; NULL when all are older. */
const bk_tool *bk_choose_tool(const bk_tool *tools, size_t count, int64_t server);
/* `server` as df_conn_server. DF_NOT_FOUND or DF_UNSUPPORTED, naming the package that has them. */
DF_MUST_USE df_code bk_postgres_tools(const char *server, df_arena *arena, const char **folder,
                                      const char **version, df_error *err);
typedef struct bk_mariadb {
    const char *dump, *client, *version;
} bk_mariadb;
DF_MUST_USE df_code bk_mariadb_tools(df_arena *arena, bk_mariadb *out, df_error *err);

/* ---- what a database holds: backup_content.c ---- */

typedef struct bk_table {
    const char *name; /* "public.users", "(:Person)", "[:KNOWS]" */
    int64_t rows;
    const char *checksum; /* NULL: could not be made */
    bool exact;           /* as of the very moment that the dump is of */
    bool whole;           /* stands for all the others: its rows are not added to theirs */
} bk_table;
typedef struct bk_content {
    df_arena *arena; /* of the strings */
    bk_table *items; /* sorted by schema and name */
    size_t count, cap;
} bk_content;
/*
 * Counts every table of the current database but the ledger's. PostgreSQL: inside an open transaction, which is
 * the snapshot.
 */
DF_MUST_USE df_code bk_content_read(df_conn *conn, const df_observer *observer, const char *subject,
                                    bk_content *content, df_error *err);
/* How an SQL engine does that: a query that lists columns by table, and one that counts one table. */
typedef struct bk_counter bk_counter;
extern const bk_counter bk_postgres_counter, bk_mariadb_counter, bk_sqlite_counter;
void bk_content_release(bk_content *content);
/* `hint` (0 to begin with) makes walking through two sorted lists fast. NULL: there is none. */
const bk_table *bk_content_find(const bk_content *content, const char *name, size_t *hint);
bool bk_table_same(const bk_table *a, const bk_table *b);
/* What was another a moment later is no longer called exact. */
void bk_content_agree(bk_content *content, const bk_content *later);

/* ---- a restore that is under way, or was killed: backup_state.c ---- */

/* One row in the database that is restored, which comes and goes with its content where the engine can. */
typedef struct bk_state {
    bool found;
    bool restored; /* the content is there, only the records are not yet put right; else it is half there */
    const char *backup, *safety, *started, *host; /* safety "": none was taken */
    const char *kept;                             /* JSON: what the ledger knew before */
} bk_state;
DF_MUST_USE df_code bk_state_read(df_conn *conn, df_arena *arena, bk_state *out, df_error *err);
/* Appends the statements that make it, for PostgreSQL's own shell. */
void bk_state_script(df_conn *conn, const bk_state *state, df_buf *out);
DF_MUST_USE df_code bk_state_write(df_conn *conn, const bk_state *state, df_error *err);
DF_MUST_USE df_code bk_state_clear(df_conn *conn, df_error *err);
/* The statements for it; NULL where there is nothing to do. */
typedef struct bk_state_words {
    const char *exists; /* a number */
    const char *create, *remove, *insert, *select, *drop;
} bk_state_words;
extern const bk_state_words bk_postgres_state, bk_mariadb_state, bk_sqlite_state, bk_neo4j_state;

/* ---- scratch databases of a server: scratch.c ---- */

typedef struct bk_scratch_words {
    const char *list;     /* the names of those that there are */
    const char *options;  /* what CREATE DATABASE is told, so that it is like the live one */
    const char *settings; /* of ALTER DATABASE … SET, a row each; NULL */
    const char *right;    /* how a user is allowed to make some */
    int64_t force_since;  /* from this major version on DROP DATABASE … WITH (FORCE); 0: never */
} bk_scratch_words;
extern const bk_scratch_words bk_postgres_scratch, bk_mariadb_scratch;

/* ---- engines: backup_postgres.c, backup_mariadb.c, backup_sqlite.c, backup_neo4j.c ---- */

/* A backup being made. */
typedef struct bk_making {
    const df_backup_place *place;
    const char *id, *partial;
    df_arena *arena;
    df_conn *conn;    /* a session of its own */
    const char *tool; /* what makes the dump, with its version */
    void *tools;
    bk_writer *writer;
    bk_content content;
    int64_t estimate; /* bytes; 0: not known */
} bk_making;

/* A backup being loaded. */
typedef struct bk_loading {
    const df_backup_place *place;
    const char *id;
    bk_state state; /* live: to be left in the database */
    df_arena *arena;
    df_conn *conn; /* to the database that is filled; live: place->conn */
    bool live;     /* what is in it is replaced; else it is empty */
    df_json head, manifest;
    const df_input *input;
    const char
        *file; /* SQLite: the database file to make, which is filled (not live) or copied from (live) */
} bk_loading;

typedef struct bk_engine {
    const char *name, *format;
    /* Finds the tools; nothing is begun. */
    df_code (*prepare)(bk_making *making, df_error *err);
    /* Members of the head and of the manifest that only this engine has. */
    df_code (*describe)(bk_making *making, df_json_writer *head, df_error *err);
    df_code (*conclude)(bk_making *making, df_json_writer *manifest, df_error *err);
    /* Writes the dump, and counts what is in it. */
    df_code (*dump)(bk_making *making, df_error *err);
    df_code (*load)(bk_loading *loading, df_error *err);
    /* See bk_content_read: how tables are counted, or, where there are none, the engine's own way. */
    const bk_counter *counter;
    df_code (*content)(df_conn *conn, const df_observer *observer, const char *subject, bk_content *content,
                       df_error *err);
    /* The name of the connection's database. */
    df_code (*database)(const df_backup_place *place, df_arena *arena, df_str *out, df_error *err);
    const char *ping; /* a statement that answers as long as the server is there */
    const bk_state_words *state;
    /* Where scratch databases can be made: on a server, or (NULL, without DF_CAP_SERVER) as a file. On a server
     * that cannot make any, `read` and `clear` are there. */
    const bk_scratch_words *scratch;
    df_code (*settle)(df_conn *conn, df_error *err); /* of a scratch database, before it is counted; NULL */
    /* What the dump in the file holds, found by reading it. */
    df_code (*read)(bk_loading *loading, bk_content *content, df_error *err);
    /* Empties a scratch database that somebody lent. */
    df_code (*clear)(df_conn *conn, const df_observer *observer, df_error *err);
} bk_engine;
/* The error of a live restore that stopped behind its beginning, where it cannot be one transaction: DF_INCOMPLETE, and
 * what to do. */
df_code bk_half_done(const bk_loading *loading, df_error *err);
extern const bk_engine bk_postgres_engine, bk_mariadb_engine, bk_sqlite_engine, bk_neo4j_engine;
DF_MUST_USE df_code bk_engine_of(const df_conn *conn, const bk_engine **out, df_error *err);

/* Everything that a tool writes, into the backup; `first` (NULL, or until it clears itself) looks at it on
 * its way. */
typedef struct bk_tap {
    void *context;
    df_code (*see)(void *context, df_str bytes, bool *done, df_error *err);
} bk_tap;
DF_MUST_USE df_code bk_pump_out(bk_making *making, df_process *tool, bk_tap *tap, df_error *err);
/* Of what an ended tool has said, only these lines are told; all of them when there are none. */
void bk_keep_lines(df_process *tool, bool (*keep)(df_str line));
/* The dump, piece by piece, from the file to `put`. */
typedef df_code (*bk_put_fn)(void *context, df_str bytes, df_error *err);
DF_MUST_USE df_code bk_pump_in(bk_loading *loading, bk_put_fn put, void *context, df_error *err);

/* SQLite's files are somebody else's databases: no setting of theirs is changed. */
DF_MUST_USE df_code bk_sqlite_open(const char *path, bool write, df_arena *arena, df_conn **out,
                                   df_error *err);

/* ---- the folder: backup_folder.c ---- */

/* "backup-20261128T055301Z-3f9a" */
DF_MUST_USE df_code bk_new_id(df_arena *arena, const char **out, df_error *err);
/* Removes what runs left that are dead; what is being written is left alone. */
DF_MUST_USE df_code bk_folder_clean(const char *folder, df_error *err);
/* The folder's absolute path; it must be there. */
DF_MUST_USE df_code bk_folder_path(const char *folder, df_arena *arena, const char **out, df_error *err);
/*
 * Complete backups in the folder that are not among the `known` ones, of this database (`any`: of this
 * engine), oldest first; what cannot be read is told to the observer and left out.
 */
DF_MUST_USE df_code bk_folder_scan(const df_backup_place *place, const df_backup_record *known,
                                   size_t n_known, bool any, df_arena *arena, df_migrate_backup **out,
                                   size_t *count, df_error *err);
/* The name of a database, as heads tell it: what one statement answers. */
DF_MUST_USE df_code bk_database_name(const df_backup_place *place, const char *sql, df_arena *arena, df_str *out,
                                     df_error *err);

/* ---- checking, loading: backup_verify.c ---- */

typedef struct bk_opened {
    df_arena arena;
    df_file *file;
    df_json_parser *head_parser, *manifest_parser;
    df_json head, manifest;
} bk_opened;
/*
 * Reads all of a backup's file: checksum as recorded (NULL: none is), seals, order, end. DF_CORRUPT,
 * DF_PERMISSION (key), DF_NOT_FOUND.
 */
DF_MUST_USE df_code bk_open_checked(const df_backup_place *place, const char *id, const char *path,
                                    const char *checksum, bk_opened *out, df_error *err);
void bk_opened_close(bk_opened *opened);
/* SHA-256 of a whole file. */
DF_MUST_USE df_code bk_file_checksum(const df_backup_place *place, const char *path,
                                     char hex[DF_SHA256_HEX + 1], df_error *err);

/* Where SQLite's scratch database lies. */
const char *bk_scratch_path(const df_scratch *scratch);

/* ---- records: backup.c ---- */

/* A backup whose file is there; DF_NOT_FOUND otherwise. */
DF_MUST_USE df_code bk_find_present(const df_backup_place *place, const char *id, df_arena *arena,
                                    df_migrate_backup *out, df_error *err);
void bk_from_record(const df_backup_place *place, df_arena *arena, const df_backup_record *record,
                    df_migrate_backup *out);
/* An entry of the audit log about a backup; `name` (may be NULL) and a number with it. */
DF_MUST_USE df_code bk_audit(const df_backup_place *place, df_audit_action action, const char *id,
                             const char *name, int64_t number, df_error *err);
/* The record's metadata with one more member, or another value of it, which is a time. */
df_str bk_metadata_with_time(df_str metadata, const char *name, int64_t ms, df_arena *arena);
/* The record of a backup; *found false when there is none. */
DF_MUST_USE df_code bk_record_of(const df_backup_place *place, const char *id, df_arena *arena,
                                 df_backup_record *out, bool *found, df_error *err);

#endif
