/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Test Anything Protocol, version 13, for tests in C.
 *
 *     int main(void) { check(1 + 1 == 2, "sums"); skip("no server"); return tap_done(); }
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Weak, so that a test of several files has one count, and no file need define it. */
__attribute__((weak)) int tap_count, tap_failed;

/* Of a text of several lines all but the first are comments. */
static inline void tap_text(const char *fmt, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, args) < 0) return;
    for (const char *c = text; *c; c++) {
        putchar(*c);
        if (*c == '\n' && c[1]) fputs("# ", stdout);
    }
    free(text);
}

__attribute__((format(printf, 4, 5))) static inline bool tap_result(bool ok, const char *file, int line,
                                                                    const char *fmt, ...)
{
    va_list args;
    printf("%sok %d - ", ok ? "" : "not ", ++tap_count);
    va_start(args, fmt);
    tap_text(fmt, args);
    va_end(args);
    printf("\n");
    if (!ok) {
        tap_failed++;
        printf("# failed at %s:%d\n", file, line);
    }
    fflush(stdout);
    return ok;
}

/* check(condition, "what should hold, printf-like", …) */
#define check(condition, ...) tap_result((condition), __FILE__, __LINE__, __VA_ARGS__)
__attribute__((format(printf, 1, 2))) static inline void tap_note(const char *fmt, ...)
{
    va_list args;
    printf("# ");
    va_start(args, fmt);
    tap_text(fmt, args);
    va_end(args);
    printf("\n");
}

/* More about a failure, as a comment. */
#define note(...) tap_note(__VA_ARGS__)
#define skip(reason) (printf("ok %d # SKIP %s\n", ++tap_count, reason), fflush(stdout))

static inline int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}

#endif
