/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest of some names to a word that is none of them. */
#include "cli/cli_int.h"

enum { MAX_WORD = 48 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits (insert, delete, replace, swap of neighbours) that make `b` of `a`; a large number for long words. */
static size_t distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > MAX_WORD || lb > MAX_WORD) return SIZE_MAX;
    size_t row[3][MAX_WORD + 1];
    for (size_t j = 0; j <= lb; j++) row[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < now[j]) now[j] = before[j - 2] + 1;
        }
    }
    return row[la % 3][lb];
}

/* A beginning of a name is meant to be it: "batch" for "batch-import". Else about a third of the letters may
 * differ. */
void cli_suggest(cli_suggestion *s, const char *candidate)
{
    size_t len = strlen(s->word);
    size_t d = distance(s->word, candidate);
    if (len >= 3 && strncmp(s->word, candidate, len) == 0) d = 1;
    size_t allowed = len < 5 ? 1 : (len + 1) / 3;
    if (d > allowed || (s->best && d >= s->distance)) return;
    s->best = candidate;
    s->distance = d;
}
