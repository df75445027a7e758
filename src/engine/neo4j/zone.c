/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/neo4j/zone.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_MOST = 64, FILE_MOST = 64 * 1024, HEADER = 44, TYPE = 6 };

/* A cursor over the file, whose every number is checked against what is left. */
typedef struct zone_file {
    const unsigned char *at;
    size_t left;
} zone_file;

typedef struct zone_counts {
    size_t utc, standard, leaps, times, types, chars;
} zone_counts;

static const unsigned char *take(zone_file *f, size_t n)
{
    if (n > f->left) return NULL;
    const unsigned char *from = f->at;
    f->at += n;
    f->left -= n;
    return from;
}

static int64_t number(const unsigned char *at, size_t width)
{
    uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < width; i++) value = value << 8 | at[i];
    return (int64_t)value;
}

static bool take_header(zone_file *f, zone_counts *out, unsigned char *version)
{
    const unsigned char *h = take(f, HEADER);
    if (!h || memcmp(h, "TZif", 4) != 0) return false;
    size_t *counts[] = {&out->utc, &out->standard, &out->leaps, &out->times, &out->types, &out->chars};
    for (size_t i = 0; i < 6; i++) {
        int64_t n = number(h + 20 + 4 * i, 4);
        if (n < 0 || n > FILE_MOST) return false;
        *counts[i] = (size_t)n;
    }
    *version = h[4];
    return true;
}

/* The type of the last transition that is not after `when`; the first type before them all. */
static size_t type_at(const unsigned char *times, const unsigned char *indexes, size_t n, int64_t when)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (number(times + 8 * middle, 8) <= when)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? indexes[low - 1] : 0;
}

/* Behind the last transition rules hold that the file's last line tells; only one without summer time is
 * followed. */
static bool rules_change(zone_file f)
{
    return f.left && memchr(f.at, ',', f.left) != NULL;
}

static bool find(zone_file f, int64_t when, int64_t *offset)
{
    zone_counts c;
    unsigned char version;
    if (!take_header(&f, &c, &version) || version < '2') return false;
    if (!take(&f, c.times * 5 + c.types * TYPE + c.chars + c.leaps * 8 + c.standard + c.utc)) return false;
    if (!take_header(&f, &c, &version) || !c.types) return false;
    const unsigned char *times = take(&f, c.times * 8), *indexes = take(&f, c.times);
    const unsigned char *types = take(&f, c.types * TYPE);
    if (!times || !indexes || !types || !take(&f, c.chars + c.leaps * 12 + c.standard + c.utc)) return false;
    bool behind = !c.times || number(times + 8 * (c.times - 1), 8) <= when;
    if (behind && rules_change(f)) return false;
    size_t type = type_at(times, indexes, c.times, when);
    if (type >= c.types) return false;
    *offset = number(types + TYPE * type, 4);
    return *offset >= -86400 && *offset <= 86400;
}

/* Names come from the server: nothing but a zone's file may be opened by one. */
static bool is_name(df_str zone)
{
    if (!zone.len || zone.len > NAME_MOST || !isalpha((unsigned char)zone.ptr[0])) return false;
    for (size_t i = 0; i < zone.len; i++) {
        unsigned char c = (unsigned char)zone.ptr[i];
        if (!isalnum(c) && c != '/' && c != '_' && c != '-' && c != '+') return false;
    }
    return true;
}

static size_t read_file(df_str zone, unsigned char *to)
{
    char path[512];
    const char *folder = getenv("TZDIR");
    snprintf(path, sizeof path, "%.400s/%.*s", folder && *folder ? folder : "/usr/share/zoneinfo",
             DF_FMT(zone));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < FILE_MOST) {
        got = read(fd, to + size, FILE_MOST - size);
        if (got > 0) size += (size_t)got;
    }
    close(fd);
    return size;
}

bool zone_offset(df_str zone, int64_t utc_seconds, int64_t *offset_seconds)
{
    if (!is_name(zone)) return false;
    unsigned char *bytes = malloc(FILE_MOST);
    if (!bytes) return false;
    size_t size = read_file(zone, bytes);
    bool found = find((zone_file){bytes, size}, utc_seconds, offset_seconds);
    free(bytes);
    return found;
}
