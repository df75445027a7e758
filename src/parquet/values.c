/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/values.h"

/* Strings put together for one batch; a single longer one is still delivered. */
enum { TEXT_PER_BATCH = 1 << 20 };

/*
 * How much DELTA_BYTE_ARRAY may expand: a few bytes can say "the same long string" a billion times over,
 * which no writer does.
 */
enum { MAY_EXPAND_BY = 1024, MAY_EXPAND_ANYWAY = 64 << 20 };

size_t parquet_value_size(parquet_type type)
{
    switch (type) {
    case PARQUET_BOOLEAN: return 1;
    case PARQUET_INT32:
    case PARQUET_FLOAT: return 4;
    case PARQUET_INT64:
    case PARQUET_DOUBLE: return 8;
    default: return sizeof(df_str);
    }
}

const char *parquet_encoding_name(int32_t encoding)
{
    static const char *const names[] = {
        "PLAIN",          "GROUP_VAR_INT",       "PLAIN_DICTIONARY",        "RLE",
        "BIT_PACKED",     "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY",
        "RLE_DICTIONARY", "BYTE_STREAM_SPLIT"};
    bool known = encoding >= 0 && (size_t)encoding < sizeof names / sizeof *names;
    return known ? names[encoding] : "unknown";
}

static bool fixed_strings(const parquet_node *leaf)
{
    return leaf->type == PARQUET_FIXED || leaf->type == PARQUET_INT96;
}

/* Bytes of one value in the file, for types of fixed length; 0 for the others. */
static size_t fixed_width(const parquet_node *leaf)
{
    if (fixed_strings(leaf)) return (size_t)leaf->type_length;
    if (leaf->type == PARQUET_BYTE_ARRAY || leaf->type == PARQUET_BOOLEAN) return 0;
    return parquet_value_size(leaf->type);
}

/* ---- beginning a page ---- */

static bool start_dictionary(parquet_values *v)
{
    if (v->at == v->end) return false;
    unsigned width = *v->at++;
    return parquet_rle_init(&v->rle, v->at, (size_t)(v->end - v->at), width);
}

/* Booleans: a four-byte length, then runs one bit wide. */
static bool start_booleans(parquet_values *v)
{
    if (v->end - v->at < 4) return false;
    uint64_t len = (uint32_t)parquet_load64(v->at, v->at + 4);
    v->at += 4;
    return len <= (uint64_t)(v->end - v->at) && parquet_rle_init(&v->rle, v->at, (size_t)len, 1);
}

/* Lengths, then the bytes of all strings. */
static bool start_lengths(parquet_values *v)
{
    if (!parquet_delta_init(&v->lengths, v->at, (size_t)(v->end - v->at))) return false;
    v->at = parquet_delta_end(&v->lengths);
    return v->at != NULL;
}

static bool start_prefixes(parquet_values *v)
{
    v->last_at = v->last_len = 0;
    v->may_expand = MAY_EXPAND_ANYWAY + (uint64_t)(v->end - v->at) * MAY_EXPAND_BY;
    if (!parquet_delta_init(&v->prefixes, v->at, (size_t)(v->end - v->at))) return false;
    v->at = parquet_delta_end(&v->prefixes);
    return v->at != NULL && start_lengths(v);
}

static bool start_split(parquet_values *v)
{
    size_t width = fixed_width(v->leaf), len = (size_t)(v->end - v->at);
    v->index = 0;
    v->stride = width ? len / width : 0;
    return width && len % width == 0;
}

static bool fits_type(int32_t encoding, parquet_type type)
{
    bool text = type == PARQUET_BYTE_ARRAY;
    switch (encoding) {
    case PARQUET_ENC_PLAIN:
    case PARQUET_ENC_PLAIN_DICTIONARY:
    case PARQUET_ENC_RLE_DICTIONARY: return true;
    case PARQUET_ENC_RLE: return type == PARQUET_BOOLEAN;
    case PARQUET_ENC_DELTA_BINARY_PACKED: return type == PARQUET_INT32 || type == PARQUET_INT64;
    case PARQUET_ENC_DELTA_LENGTH_BYTE_ARRAY: return text;
    case PARQUET_ENC_DELTA_BYTE_ARRAY: return text || type == PARQUET_FIXED;
    case PARQUET_ENC_BYTE_STREAM_SPLIT: return !text && type != PARQUET_BOOLEAN && type != PARQUET_INT96;
    default: return false;
    }
}

df_code parquet_values_start(parquet_values *v, int32_t encoding, const uint8_t *bytes, size_t len,
                             df_error *err)
{
    if (encoding == PARQUET_ENC_PLAIN_DICTIONARY) encoding = PARQUET_ENC_RLE_DICTIONARY;
    if (!fits_type(encoding, v->leaf->type))
        return df_fail(err, DF_UNSUPPORTED, "the encoding %s (%d) is not one of this column's type",
                       parquet_encoding_name(encoding), encoding);
    if (encoding == PARQUET_ENC_RLE_DICTIONARY && !v->dictionary->present)
        return df_fail(err, DF_CORRUPT, "the page needs a dictionary, and the column has none");
    v->encoding = encoding;
    v->at = bytes;
    v->end = bytes + len;
    v->bit = 0;
    bool ok = true;
    switch (encoding) {
    case PARQUET_ENC_RLE_DICTIONARY: ok = start_dictionary(v); break;
    case PARQUET_ENC_RLE: ok = start_booleans(v); break;
    case PARQUET_ENC_DELTA_BINARY_PACKED: ok = parquet_delta_init(&v->lengths, bytes, len); break;
    case PARQUET_ENC_DELTA_LENGTH_BYTE_ARRAY: ok = start_lengths(v); break;
    case PARQUET_ENC_DELTA_BYTE_ARRAY: ok = start_prefixes(v); break;
    case PARQUET_ENC_BYTE_STREAM_SPLIT: ok = start_split(v); break;
    default: break;
    }
    return ok ? DF_OK
              : df_fail(err, DF_CORRUPT, "the page's %s values are damaged", parquet_encoding_name(encoding));
}

/* ---- reading: each returns false when the page's bytes do not have n values ---- */

static bool plain_strings(parquet_values *v, df_str *out, size_t n)
{
    const uint8_t *at = v->at, *end = v->end;
    for (size_t i = 0; i < n; i++) {
        if (end - at < 4) return false;
        uint32_t len;
        memcpy(&len, at, 4);
        at += 4;
        if (len > (size_t)(end - at)) return false;
        out[i] = (df_str){(const char *)at, len};
        at += len;
    }
    v->at = at;
    return true;
}

static bool plain(parquet_values *v, void *out, size_t n)
{
    size_t width = fixed_width(v->leaf), left = (size_t)(v->end - v->at);
    if (v->leaf->type == PARQUET_BYTE_ARRAY) return plain_strings(v, out, n);
    if (v->leaf->type == PARQUET_BOOLEAN) {
        if (v->bit + n > (uint64_t)left * 8) return false;
        for (size_t i = 0; i < n; i++, v->bit++) ((uint8_t *)out)[i] = v->at[v->bit / 8] >> (v->bit % 8) & 1;
        return true;
    }
    if (width && n > left / width) return false;
    if (fixed_strings(v->leaf)) {
        for (size_t i = 0; i < n; i++) ((df_str *)out)[i] = (df_str){(const char *)v->at + i * width, width};
    } else {
        memcpy(out, v->at, n * width);
    }
    v->at += n * width;
    return true;
}

static bool from_dictionary(parquet_values *v, void *out, size_t n)
{
    uint32_t index[PARQUET_BATCH];
    if (!parquet_rle_uint32(&v->rle, index, n)) return false;
    uint32_t highest = 0;
    for (size_t i = 0; i < n; i++) highest = index[i] > highest ? index[i] : highest;
    if (highest >= v->dictionary->count) return false;
    const char *items = v->dictionary->items.ptr;
    switch (parquet_value_size(v->leaf->type)) {
    case 1:
        for (size_t i = 0; i < n; i++) ((uint8_t *)out)[i] = ((const uint8_t *)items)[index[i]];
        break;
    case 4:
        for (size_t i = 0; i < n; i++) memcpy((char *)out + i * 4, items + (size_t)index[i] * 4, 4);
        break;
    case 8:
        for (size_t i = 0; i < n; i++) memcpy((char *)out + i * 8, items + (size_t)index[i] * 8, 8);
        break;
    default:
        for (size_t i = 0; i < n; i++) memcpy((char *)out + i * 16, items + (size_t)index[i] * 16, 16);
        break;
    }
    return true;
}

_Static_assert(sizeof(df_str) == 16, "from_dictionary copies strings as 16 bytes");

static bool delta_strings(parquet_values *v, df_str *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t len;
        if (!parquet_delta_int64(&v->lengths, &len, 1) || len < 0 || len > v->end - v->at) return false;
        out[i] = (df_str){(const char *)v->at, (size_t)len};
        v->at += len;
    }
    return true;
}

/* One byte of every value after the other. */
static void gather_split(parquet_values *v, char *out, size_t n, size_t width)
{
    for (size_t byte = 0; byte < width; byte++) {
        const uint8_t *stream = v->at + byte * v->stride + v->index;
        for (size_t i = 0; i < n; i++) out[i * width + byte] = (char)stream[i];
    }
    v->index += n;
}

static df_code split(parquet_values *v, void *out, size_t *n, bool *ok, df_error *err)
{
    size_t width = fixed_width(v->leaf);
    *ok = *n <= v->stride - v->index;
    if (!*ok) return DF_OK;
    if (!fixed_strings(v->leaf)) {
        gather_split(v, out, *n, width);
        return DF_OK;
    }
    size_t most = TEXT_PER_BATCH / width;
    if (*n > most) *n = most ? most : 1;
    DF_TRY(parquet_memory_fit(v->memory, &v->text, *n * width, err));
    gather_split(v, v->text.ptr, *n, width);
    for (size_t i = 0; i < *n; i++) ((df_str *)out)[i] = (df_str){v->text.ptr + i * width, width};
    return DF_OK;
}

/* Each value begins with the first bytes of the one before. */
static df_code prefixed_strings(parquet_values *v, df_str *out, size_t *n, bool *ok, df_error *err)
{
    if (v->last_len && v->last_at) memmove(v->text.ptr, v->text.ptr + v->last_at, v->last_len);
    v->last_at = 0;
    v->text.len = v->last_len;
    size_t i = 0;
    *ok = false;
    for (; i < *n && (!i || v->text.len < TEXT_PER_BATCH); i++) {
        int64_t prefix, rest;
        if (!parquet_delta_int64(&v->prefixes, &prefix, 1) || !parquet_delta_int64(&v->lengths, &rest, 1))
            return DF_OK;
        if (prefix < 0 || (uint64_t)prefix > v->last_len || rest < 0 || rest > v->end - v->at) return DF_OK;
        size_t len = (size_t)prefix + (size_t)rest, start = v->text.len;
        if (fixed_strings(v->leaf) && len != (size_t)v->leaf->type_length) return DF_OK;
        if (len > v->may_expand) return DF_OK;
        v->may_expand -= len;
        if (start + len > v->text.cap)
            DF_TRY(parquet_memory_grow(v->memory, &v->text, (start + len) * 2, err));
        if (prefix) memcpy(v->text.ptr + start, v->text.ptr + v->last_at, (size_t)prefix);
        if (rest) memcpy(v->text.ptr + start + prefix, v->at, (size_t)rest);
        v->at += rest;
        v->text.len += len;
        v->last_at = start;
        v->last_len = len;
        out[i].len = len;
    }
    /* The text may have moved while it grew: addresses are known only now. */
    size_t at = v->last_at + v->last_len;
    const char *text = v->text.ptr ? v->text.ptr : "";
    for (size_t k = i; k--;) out[k].ptr = text + (at -= out[k].len);
    *n = i;
    *ok = true;
    return DF_OK;
}

df_code parquet_values_read(parquet_values *v, void *out, size_t *n, df_error *err)
{
    bool ok = false;
    switch (v->encoding) {
    case PARQUET_ENC_PLAIN: ok = plain(v, out, *n); break;
    case PARQUET_ENC_RLE_DICTIONARY: ok = from_dictionary(v, out, *n); break;
    case PARQUET_ENC_RLE: ok = parquet_rle_bytes(&v->rle, out, *n); break;
    case PARQUET_ENC_DELTA_BINARY_PACKED:
        ok = v->leaf->type == PARQUET_INT64 ? parquet_delta_int64(&v->lengths, out, *n)
                                            : parquet_delta_int32(&v->lengths, out, *n);
        break;
    case PARQUET_ENC_DELTA_LENGTH_BYTE_ARRAY: ok = delta_strings(v, out, *n); break;
    case PARQUET_ENC_DELTA_BYTE_ARRAY: DF_TRY(prefixed_strings(v, out, n, &ok, err)); break;
    case PARQUET_ENC_BYTE_STREAM_SPLIT: DF_TRY(split(v, out, n, &ok, err)); break;
    default: return df_fail(err, DF_BUG, "no page was begun");
    }
    if (ok) return DF_OK;
    return df_fail(err, DF_CORRUPT, "the page's %s values are damaged or too few",
                   parquet_encoding_name(v->encoding));
}

void parquet_values_release(parquet_values *v)
{
    parquet_memory_release(v->memory, &v->text);
}

/* ---- dictionaries ---- */

df_code parquet_dictionary_read(parquet_dictionary *dictionary, const parquet_node *leaf,
                                parquet_memory *memory, const uint8_t *bytes, size_t len, size_t count,
                                df_error *err)
{
    /* Also for types of no length, of which any number would fit: an item takes at least a bit. */
    if (count > len * 8)
        return df_fail(err, DF_CORRUPT, "the dictionary claims %zu values in %zu bytes", count, len);
    DF_TRY(parquet_memory_fit(memory, &dictionary->bytes, len ? len : 1, err));
    DF_TRY(parquet_memory_fit(memory, &dictionary->items, (count + 1) * parquet_value_size(leaf->type), err));
    if (len) memcpy(dictionary->bytes.ptr, bytes, len);
    parquet_values v = {.leaf = leaf, .memory = memory};
    v.at = (const uint8_t *)dictionary->bytes.ptr;
    v.end = v.at + len;
    if (!plain(&v, dictionary->items.ptr, count))
        return df_fail(err, DF_CORRUPT, "the dictionary's %zu values do not fit its %zu bytes", count, len);
    dictionary->count = count;
    dictionary->present = true;
    return DF_OK;
}

void parquet_dictionary_release(parquet_dictionary *dictionary, parquet_memory *memory)
{
    parquet_memory_release(memory, &dictionary->items);
    parquet_memory_release(memory, &dictionary->bytes);
    dictionary->present = false;
}
