/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/page.h"

#include <zlib.h>

/*
 * Early parquet-mr left the dictionary page's header out of a chunk's size, so that the last page ends some
 * bytes behind it.
 */
enum { CHUNK_SLACK = 100 };

typedef struct page_header {
    int32_t type, uncompressed, compressed;
    uint32_t crc;
    bool has_crc, has_body, is_compressed;
    int32_t num_values, encoding, def_encoding, rep_encoding, def_len, rep_len;
} page_header;

static void read_data_header(thrift_reader *r, page_header *h)
{
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        switch (s.id) {
        case 1: h->num_values = thrift_int32(r, s.type); break;
        case 2: h->encoding = thrift_int32(r, s.type); break;
        case 3: h->def_encoding = thrift_int32(r, s.type); break;
        case 4: h->rep_encoding = thrift_int32(r, s.type); break;
        default: thrift_skip(r, s.type); break;
        }
    }
}

static void read_dictionary_header(thrift_reader *r, page_header *h)
{
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        switch (s.id) {
        case 1: h->num_values = thrift_int32(r, s.type); break;
        case 2: h->encoding = thrift_int32(r, s.type); break;
        default: thrift_skip(r, s.type); break;
        }
    }
}

static void read_data_header_v2(thrift_reader *r, page_header *h)
{
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        switch (s.id) {
        case 1: h->num_values = thrift_int32(r, s.type); break;
        case 4: h->encoding = thrift_int32(r, s.type); break;
        case 5: h->def_len = thrift_int32(r, s.type); break;
        case 6: h->rep_len = thrift_int32(r, s.type); break;
        case 7: h->is_compressed = thrift_bool(r, s.type); break;
        default: thrift_skip(r, s.type); break;
        }
    }
}

/* The members of each kind of page have a struct of their own; only the one that belongs to the type counts.
 */
static bool read_body(thrift_reader *r, int32_t id, uint8_t type, page_header *h)
{
    bool wanted = (id == 5 && h->type == PARQUET_PAGE_DATA) ||
                  (id == 7 && h->type == PARQUET_PAGE_DICTIONARY) ||
                  (id == 8 && h->type == PARQUET_PAGE_DATA_V2);
    if (!wanted || type != THRIFT_STRUCT) return false;
    h->has_body = true;
    if (id == 5)
        read_data_header(r, h);
    else if (id == 7)
        read_dictionary_header(r, h);
    else
        read_data_header_v2(r, h);
    return true;
}

static bool read_header(thrift_reader *r, page_header *h)
{
    *h = (page_header){
        .type = -1, .uncompressed = -1, .compressed = -1, .is_compressed = true, .num_values = -1};
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        switch (s.id) {
        case 1: h->type = thrift_int32(r, s.type); break;
        case 2: h->uncompressed = thrift_int32(r, s.type); break;
        case 3: h->compressed = thrift_int32(r, s.type); break;
        case 4:
            h->has_crc = s.type == THRIFT_I32;
            h->crc = (uint32_t)thrift_int32(r, s.type);
            break;
        default:
            if (!read_body(r, s.id, s.type, h)) thrift_skip(r, s.type);
            break;
        }
    }
    return !r->failed;
}

void parquet_pages_start(parquet_pages *pages, const parquet_chunk *chunk, int64_t footer_at)
{
    pages->codec = chunk->codec;
    pages->at = chunk->start;
    pages->end = chunk->end;
    pages->hard_end = footer_at - chunk->end < CHUNK_SLACK ? footer_at : chunk->end + CHUNK_SLACK;
    pages->window.len = 0;
    pages->number = 0;
}

void parquet_pages_release(parquet_pages *pages)
{
    parquet_memory_release(pages->memory, &pages->window);
    parquet_memory_release(pages->memory, &pages->plain);
}

/* Has the window begin at pages->at and hold at least `need` bytes, which the chunk must have. */
static df_code fill_window(parquet_pages *pages, size_t need, df_error *err)
{
    df_buf *window = &pages->window;
    int64_t skipped = pages->at - pages->window_at;
    size_t have = 0;
    if (window->len && skipped >= 0 && (uint64_t)skipped < window->len) {
        have = window->len - (size_t)skipped;
        if (have >= need) return DF_OK;
        memmove(window->ptr, window->ptr + skipped, have);
    }
    window->len = have;
    pages->window_at = pages->at;
    size_t want = need > pages->read_ahead ? need : pages->read_ahead;
    int64_t left = pages->hard_end - pages->at;
    /* A chunk's slack is read only when a page reaches into it. */
    int64_t usual = pages->end > pages->at ? pages->end - pages->at : 0;
    if ((int64_t)need <= usual) left = usual;
    if ((int64_t)want > left) want = (size_t)left;
    DF_TRY(parquet_memory_grow(pages->memory, window, want, err));
    DF_TRY(pages->input->read_at(pages->input->context, pages->at + (int64_t)have, window->ptr + have,
                                 want - have, err));
    window->len = want;
    return DF_OK;
}

static const uint8_t *window_bytes(const parquet_pages *pages, size_t *len)
{
    size_t skipped = (size_t)(pages->at - pages->window_at);
    *len = pages->window.len - skipped;
    return (const uint8_t *)pages->window.ptr + skipped;
}

/* Headers have no length of their own: one that does not parse may only be cut off by the window's end. */
static df_code next_header(parquet_pages *pages, page_header *h, df_error *err)
{
    if (pages->at >= pages->end) return df_fail(err, DF_CORRUPT, "the column has fewer pages than values");
    uint64_t most = (uint64_t)(pages->hard_end - pages->at);
    if (most > PARQUET_MAX_PAGE_HEADER) most = PARQUET_MAX_PAGE_HEADER;
    for (size_t need = 1;;) {
        DF_TRY(fill_window(pages, need, err));
        size_t len;
        const uint8_t *bytes = window_bytes(pages, &len);
        thrift_reader r = thrift_over(bytes, len);
        if (read_header(&r, h)) {
            pages->at += r.at - bytes;
            return DF_OK;
        }
        if (len >= most) return df_fail(err, DF_CORRUPT, "the page's header is damaged");
        need = len * 4 < most ? len * 4 : (size_t)most;
    }
}

static df_code check_header(const parquet_pages *pages, const page_header *h, df_error *err)
{
    if (h->compressed < 0 || h->uncompressed < 0)
        return df_fail(err, DF_CORRUPT, "the page's header is damaged");
    if (h->compressed > pages->hard_end - pages->at)
        return df_fail(err, DF_CORRUPT, "the page's %d bytes reach beyond the column's end", h->compressed);
    bool known =
        h->type == PARQUET_PAGE_DATA || h->type == PARQUET_PAGE_DICTIONARY || h->type == PARQUET_PAGE_DATA_V2;
    if (known && (!h->has_body || h->num_values < 0))
        return df_fail(err, DF_CORRUPT, "the page's header is damaged");
    uint64_t bound = parquet_codec_bound(pages->codec, (uint64_t)h->compressed);
    if (known && (uint64_t)h->uncompressed > bound)
        return df_fail(err, DF_CORRUPT, "the page claims %d bytes from %d of %s", h->uncompressed,
                       h->compressed, parquet_codec_name(pages->codec));
    int64_t levels = (int64_t)h->def_len + h->rep_len;
    if (h->type == PARQUET_PAGE_DATA_V2 &&
        (h->def_len < 0 || h->rep_len < 0 || levels > h->compressed || levels > h->uncompressed))
        return df_fail(err, DF_CORRUPT, "the page's levels are longer than the page");
    return DF_OK;
}

static df_code check_crc(const page_header *h, const uint8_t *bytes, df_error *err)
{
    if (!h->has_crc) return DF_OK;
    uint32_t crc = (uint32_t)crc32(0, bytes, (uInt)h->compressed);
    if (crc == h->crc) return DF_OK;
    return df_fail(err, DF_CORRUPT, "the page's checksum (CRC-32) is %08x, its header says %08x", crc,
                   h->crc);
}

static df_code unpack(parquet_pages *pages, const page_header *h, const uint8_t *bytes, parquet_page *out,
                      df_error *err)
{
    size_t levels = 0;
    if (h->type == PARQUET_PAGE_DATA_V2) {
        out->rep = bytes;
        out->rep_len = (size_t)h->rep_len;
        out->def = bytes + h->rep_len;
        out->def_len = (size_t)h->def_len;
        levels = out->rep_len + out->def_len;
    }
    size_t packed = (size_t)h->compressed - levels, plain = (size_t)h->uncompressed - levels;
    out->bytes = bytes + levels;
    out->len = packed;
    bool v2_plain = h->type == PARQUET_PAGE_DATA_V2 && (!h->is_compressed || !packed);
    if (pages->codec == PARQUET_UNCOMPRESSED || v2_plain) return DF_OK;
    DF_TRY(parquet_memory_fit(pages->memory, &pages->plain, plain ? plain : 1, err));
    out->bytes = (const uint8_t *)pages->plain.ptr;
    out->len = plain;
    return parquet_decompress(pages->codecs, pages->codec, bytes + levels, packed, pages->plain.ptr, plain,
                              err);
}

df_code parquet_pages_next(parquet_pages *pages, parquet_page *out, df_error *err)
{
    for (;;) {
        page_header h = {0};
        pages->number++;
        DF_TRY(next_header(pages, &h, err));
        DF_TRY(check_header(pages, &h, err));
        if (h.type != PARQUET_PAGE_DATA && h.type != PARQUET_PAGE_DICTIONARY &&
            h.type != PARQUET_PAGE_DATA_V2) {
            pages->at += h.compressed;
            continue;
        }
        DF_TRY(fill_window(pages, (size_t)h.compressed, err));
        size_t len;
        const uint8_t *bytes = window_bytes(pages, &len);
        DF_TRY(check_crc(&h, bytes, err));
        pages->at += h.compressed;
        *out = (parquet_page){.type = h.type,
                              .num_values = h.num_values,
                              .encoding = h.encoding,
                              .def_encoding = h.def_encoding,
                              .rep_encoding = h.rep_encoding};
        return unpack(pages, &h, bytes, out, err);
    }
}
