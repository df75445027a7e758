/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/neo4j/graph.h"

#include <stdlib.h>

enum { PAGE_BITS = 16, PAGE_IDS = 1 << PAGE_BITS };
static const int64_t MAX_ID = (int64_t)1 << 44;

df_code graph_ids_put(graph_ids *ids, int64_t id, uint32_t number, df_error *err)
{
    if (id < 0 || id >= MAX_ID || number == UINT32_MAX)
        return df_fail(err, DF_UNSUPPORTED, "more nodes than can be numbered (the id %lld)", (long long)id);
    size_t page = (size_t)(id >> PAGE_BITS);
    if (page >= ids->n_pages) {
        size_t n = ids->n_pages * 2 > page + 1 ? ids->n_pages * 2 : page + 1;
        ids->pages = df_realloc(ids->pages, n * sizeof *ids->pages);
        memset(ids->pages + ids->n_pages, 0, (n - ids->n_pages) * sizeof *ids->pages);
        ids->n_pages = n;
    }
    if (!ids->pages[page]) ids->pages[page] = df_zalloc(PAGE_IDS * sizeof **ids->pages);
    ids->pages[page][id % PAGE_IDS] = number + 1;
    return DF_OK;
}

bool graph_ids_get(const graph_ids *ids, int64_t id, uint32_t *number)
{
    if (id < 0 || (uint64_t)(id >> PAGE_BITS) >= ids->n_pages) return false;
    const uint32_t *page = ids->pages[id >> PAGE_BITS];
    if (!page || !page[id % PAGE_IDS]) return false;
    *number = page[id % PAGE_IDS] - 1;
    return true;
}

void graph_ids_release(graph_ids *ids)
{
    for (size_t i = 0; i < ids->n_pages; i++) free(ids->pages[i]);
    free(ids->pages);
    *ids = (graph_ids){0};
}
