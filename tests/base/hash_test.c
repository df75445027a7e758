/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <tap.h>

#include <stdlib.h>

static void hashes(void)
{
    char hex[33];
    df_hash128 empty = df_hash("", 0), text = df_hash("abc", 3), back;
    /* From the published test vectors of XXH3 (128 bits, seed 0). */
    df_hash_hex(empty, hex);
    check(strcmp(hex, "99aa06d3014798d86001c324468d497f") == 0, "hash of nothing: %s", hex);
    df_hash_hex(text, hex);
    check(strcmp(hex, "06b05ab6733a618578af5f94892f3950") == 0, "hash of abc: %s", hex);
    check(df_hash_from_hex(df_str_from(hex), &back) && df_hash_eq(back, text), "and back from its digits");
    check(!df_hash_from_hex(DF_STR("06b0"), &back), "too few digits");
    check(!df_hash_from_hex(DF_STR("06b05ab6733a618578af5f94892f395g"), &back), "not a digit");
    df_hash128 sum = df_hash_add(df_hash_add(empty, text), text);
    check(df_hash_eq(df_hash_sub(df_hash_sub(sum, text), empty), text),
          "a sum can be taken apart in any order");
    check(!df_hash_eq(df_hash_add(text, text), (df_hash128){0}), "a member twice does not cancel out");
}

static df_hash128 key(int64_t i)
{
    return df_hash(&i, sizeof i);
}

/* Against an array, with keys that collide in their low lanes mixed in. */
static void maps(void)
{
    enum { N = 20000 };
    df_keymap map = {0};
    int64_t *model = calloc(N, sizeof *model);
    bool same = true;
    size_t count = 0;
    srand(1);
    for (int step = 0; step < 200000; step++) {
        int64_t i = rand() % N;
        df_hash128 k = i % 3 ? key(i) : (df_hash128){.low = (uint64_t)(i & 15), .high = (uint64_t)i};
        bool added;
        switch (rand() % 3) {
        case 0:
            *df_keymap_put(&map, k, &added) = i + step + 1;
            same &= added == !model[i];
            count += added;
            model[i] = i + step + 1;
            break;
        case 1:
            same &= df_keymap_remove(&map, k) == (model[i] != 0);
            count -= model[i] != 0;
            model[i] = 0;
            break;
        default: {
            int64_t *value = df_keymap_get(&map, k);
            same &= value ? *value == model[i] : !model[i];
        }
        }
        if (!same) break;
    }
    check(same, "200000 random puts, gets and removes agree with an array (seed 1)");
    check(map.count == count, "the count agrees");
    df_keymap_clear(&map);
    check(map.count == 0 && !df_keymap_get(&map, key(1)), "cleared");
    bool added = false;
    check(*df_keymap_put(&map, key(1), &added) == 0 && added, "a new entry begins with 0");
    df_keymap_release(&map);
    check(!df_keymap_get(&map, key(1)) && !df_keymap_remove(&map, key(1)), "an empty map has nothing");
    df_keymap_clear(&map);
    free(model);
}

int main(void)
{
    hashes();
    maps();
    return tap_done();
}
