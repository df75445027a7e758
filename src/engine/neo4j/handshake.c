/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agreeing on a version: four slots of four bytes, 00 RANGE MINOR MAJOR, of which the server answers with
 * one; or the manifest, with which the server tells all that it has and the client chooses.
 */
#include "engine/neo4j/bolt_int.h"

#include <stdio.h>

enum { MANIFEST_MOST = 1024 };

static const unsigned char magic[4] = {0x60, 0x60, 0xB0, 0x17};
static const unsigned char manifest[4] = {0x00, 0x00, 0x01, 0xFF};

/* The ranges that this client speaks, the newest first. */
static const struct {
    unsigned char major, low, high;
} spoken[] = {{6, 0, 1}, {5, 0, 8}, {4, 4, 4}};

enum { SPOKEN = sizeof spoken / sizeof *spoken };

static bool speaks(uint16_t version, const bolt_options *options)
{
    if (options->only) return version == options->only;
    for (size_t i = 0; i < SPOKEN; i++) {
        unsigned minor = version & 0xFF;
        if (version >> 8 == spoken[i].major && minor >= spoken[i].low && minor <= spoken[i].high) return true;
    }
    return false;
}

static void offer(bolt *b, const bolt_options *options)
{
    unsigned char slots[4][4] = {{0}};
    size_t n = 0;
    if (!options->legacy_handshake) memcpy(slots[n++], manifest, 4);
    if (options->only) {
        slots[n][2] = (unsigned char)(options->only & 0xFF);
        slots[n][3] = (unsigned char)(options->only >> 8);
    } else {
        for (size_t i = 0; i < SPOKEN && n < 4; i++, n++) {
            slots[n][1] = (unsigned char)(spoken[i].high - spoken[i].low);
            slots[n][2] = spoken[i].high;
            slots[n][3] = spoken[i].major;
        }
    }
    df_buf_add(&b->out.bytes, magic, sizeof magic);
    df_buf_add(&b->out.bytes, slots, sizeof slots);
}

static df_code no_common_version(bolt *b, const bolt_options *options, df_error *err)
{
    if (options->only)
        df_fail(err, DF_CONNECT, "%s does not speak Bolt %d.%d", b->socket.peer, options->only >> 8,
                options->only & 0xFF);
    else
        df_fail(err, DF_CONNECT,
                "%s speaks no version of Bolt that this program does (4.4, 5.0 to 5.8, 6.0, 6.1)",
                b->socket.peer);
    return bolt_lose(b, DF_CONNECT, err);
}

/* A number of 7-bit groups, the least significant first. */
static df_code take_varint(bolt *b, int64_t deadline, uint64_t *out, df_error *err)
{
    *out = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        unsigned char byte;
        DF_TRY(bolt_take(b, &byte, 1, deadline, err));
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return DF_OK;
    }
    df_fail(err, DF_CONNECT, "the handshake of %s is not valid", b->socket.peer);
    return bolt_lose(b, DF_CONNECT, err);
}

static df_code choose(bolt *b, const bolt_options *options, int64_t deadline, df_error *err)
{
    uint64_t count, capabilities;
    uint16_t best = 0;
    DF_TRY(take_varint(b, deadline, &count, err));
    if (count > MANIFEST_MOST) {
        df_fail(err, DF_CONNECT, "the handshake of %s is not valid", b->socket.peer);
        return bolt_lose(b, DF_CONNECT, err);
    }
    for (uint64_t i = 0; i < count; i++) {
        unsigned char slot[4];
        DF_TRY(bolt_take(b, slot, sizeof slot, deadline, err));
        for (unsigned below = 0; below <= slot[1] && below <= slot[2]; below++) {
            uint16_t version = (uint16_t)((unsigned)slot[3] << 8 | (slot[2] - below));
            if (version > best && speaks(version, options)) best = version;
        }
    }
    DF_TRY(take_varint(b, deadline, &capabilities, err));
    const unsigned char answer[5] = {0, 0, (unsigned char)(best & 0xFF), (unsigned char)(best >> 8), 0};
    if (!best) return no_common_version(b, options, err);
    df_buf_add(&b->out.bytes, answer, sizeof answer);
    b->version = best;
    return DF_OK;
}

static df_code not_bolt(bolt *b, const unsigned char answer[4], const bolt_options *options, df_error *err)
{
    if (memcmp(answer, "HTTP", 4) == 0) {
        df_fail(err, DF_CONNECT, "%s speaks HTTP, not Bolt", b->socket.peer);
        df_error_hint(err, "Bolt usually has port 7687; 7474 is the browser's");
    } else if (answer[0] == 0x15 && answer[1] == 0x03) {
        df_fail(err, DF_CONNECT, "%s wants TLS", b->socket.peer);
        df_error_hint(err, "use the scheme bolt+s or neo4j+s (bolt+ssc, neo4j+ssc: any certificate)");
    } else {
        df_fail(err, DF_CONNECT, "%s does not speak Bolt (it answered %02X %02X %02X %02X)", b->socket.peer,
                answer[0], answer[1], answer[2], answer[3]);
    }
    return bolt_lose(b, DF_CONNECT, err);
}

df_code bolt_handshake(bolt *b, const bolt_options *options, int64_t deadline, df_error *err)
{
    unsigned char answer[4];
    offer(b, options);
    df_code code = bolt_take(b, answer, sizeof answer, deadline, err);
    if (code == DF_CONNECT && b->in.end == 0 && options->tls == BOLT_PLAIN)
        df_error_hint(
            err, "if it wants TLS, use the scheme bolt+s or neo4j+s (bolt+ssc, neo4j+ssc: any certificate)");
    DF_TRY(code);
    if (!options->legacy_handshake && memcmp(answer, manifest, 4) == 0)
        return choose(b, options, deadline, err);
    uint16_t version = (uint16_t)(answer[3] << 8 | answer[2]);
    if (memcmp(answer, "\0\0\0", 4) == 0) return no_common_version(b, options, err);
    if (answer[0] || !speaks(version, options)) return not_bolt(b, answer, options, err);
    b->version = version;
    return DF_OK;
}
