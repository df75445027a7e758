/* SPDX-License-Identifier: Apache-2.0 */
/* The one file that knows simdjson. */
#include <simdjson.h>

#include <new>

/* json.h is C: its inline functions use compound literals, which C++ calls an extension. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
extern "C" {
#include "base/error.h"
#include "base/json.h"
}
#pragma GCC diagnostic pop

/* Deep nesting is an attack, not data; simdjson's own default is 1024. */
static constexpr size_t max_depth = 256;

struct df_json_parser {
    simdjson::dom::parser parser{simdjson::SIMDJSON_MAXSIZE_BYTES};
    df_json_doc doc{};
};

extern "C" df_json_parser *df_json_parser_open(void)
{
    df_json_parser *parser = new (std::nothrow) df_json_parser;
    if (!parser) abort();
    return parser;
}

extern "C" void df_json_parser_close(df_json_parser *parser)
{
    delete parser;
}

static df_code parse_once(df_json_parser *parser, df_str text, bool copy, df_json *out, df_error *err)
{
    /* Buffers grow with the largest document seen, by doubling, and are kept. */
    if (parser->parser.max_depth() != max_depth || parser->parser.capacity() < text.len) {
        size_t capacity = text.len < 2048 ? 4096 : text.len * 2;
        if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES) capacity = text.len;
        if (text.len > simdjson::SIMDJSON_MAXSIZE_BYTES || parser->parser.allocate(capacity, max_depth))
            return df_fail(err, DF_NO_MEMORY, "not enough memory for a JSON document of %zu bytes", text.len);
    }
    simdjson::dom::element root;
    auto failed = parser->parser.parse(reinterpret_cast<const uint8_t *>(text.ptr), text.len, copy).get(root);
    if (failed) return df_fail(err, DF_CORRUPT, "not valid JSON: %s", simdjson::error_message(failed));
    const simdjson::dom::document &doc = parser->parser.doc;
    parser->doc = df_json_doc{doc.tape.get(), doc.string_buf.get()};
    *out = df_json{parser->doc.tape + 1, &parser->doc};
    return DF_OK;
}

static df_code parse(df_json_parser *parser, df_str text, bool copy, df_json *out, df_error *err)
{
    df_code code = parse_once(parser, text, copy, out, err);
    if (code != DF_CORRUPT) return code;
    /* JSON puts no limit on numbers, simdjson does: statistics of a decimal(38,0) go beyond it. */
    df_buf quoted = {};
    if (df_json_quote_wide_numbers(text, &quoted)) code = parse_once(parser, df_buf_str(&quoted), true, out, err);
    df_buf_release(&quoted);
    return code;
}

extern "C" df_code df_json_parse(df_json_parser *parser, df_str text, df_json *out, df_error *err)
{
    return parse(parser, text, true, out, err);
}

extern "C" df_code df_json_parse_padded(df_json_parser *parser, df_str text, df_json *out, df_error *err)
{
    static_assert(DF_JSON_PADDING >= simdjson::SIMDJSON_PADDING, "padding");
    return parse(parser, text, false, out, err);
}
