/* SPDX-License-Identifier: Apache-2.0 */
/* Client libraries that are loaded when they are needed: found, missing, too old, broken, by many threads. */
#include "base/library.h"

#include "tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MATH_FUNCTIONS(X) X(cosine, cos) X(power, pow)

typedef struct math_functions {
    MATH_FUNCTIONS(DF_LIBRARY_MEMBER)
} math_functions;

#define ENTRY(member, function) {#function, offsetof(math_functions, member)},
static const df_library_function good[] = {MATH_FUNCTIONS(ENTRY)};
static const df_library_function lacking[] = {{"cos", 0}, {"df_no_such_function", sizeof(void *)}};

static math_functions table;
static df_library shared = {.file = "libm.so.6",
                            .package = "libc6",
                            .functions = good,
                            .n_functions = 2,
                            .table = &table,
                            .lock = PTHREAD_MUTEX_INITIALIZER};

static void *load_and_call(void *result)
{
    if (df_library_load(&shared, NULL) == DF_OK) *(double *)result = table.cosine(0) + table.power(2, 10);
    return NULL;
}

static void test_threads(void)
{
    enum { THREADS = 16 };
    pthread_t threads[THREADS];
    double results[THREADS] = {0};
    int right = 0;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, load_and_call, &results[i]) != 0) return;
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        right += results[i] > 1024.5 && results[i] < 1025.5;
    }
    check(right == THREADS, "many threads load it at once, and all can call it");
    check(shared.loaded && table.cosine && table.power, "the table is filled");
}

static void fails(const char *what, const char *file, const df_library_function *functions,
                  const char *message, const char *hint)
{
    math_functions unused;
    df_library library = {.file = file,
                          .package = "libdf9",
                          .functions = functions,
                          .n_functions = 2,
                          .table = &unused,
                          .lock = PTHREAD_MUTEX_INITIALIZER};
    for (int i = 0; i < 2; i++) { /* the second time, too */
        df_error err = {0};
        df_code code = df_library_load(&library, &err);
        check(code == DF_CONNECT && err.code == DF_CONNECT && !library.loaded, "%s", what);
        check(strncmp(err.message, message, strlen(message)) == 0, "%s: %s", what, err.message);
        check(strcmp(err.hint, hint) == 0, "%s: %s", what, err.hint);
    }
}

static void test_broken(void)
{
    char folder[] = "/tmp/df-library-XXXXXX", file[64], message[256];
    if (!mkdtemp(folder)) return;
    snprintf(file, sizeof file, "%s/libdf.so.9", folder);
    FILE *f = fopen(file, "w");
    if (f) fclose(f);
    snprintf(message, sizeof message,
             "the library %s cannot be loaded: ", file);
    fails("a file that is no library", file, good, message, "apt-get install --reinstall libdf9");
    unlink(file);
    rmdir(folder);
}

int main(void)
{
    fails("a library that is not installed", "libdf-none.so.9", good,
          "the library libdf-none.so.9 is not installed",
          "apt-get install libdf9");
    fails(
        "one without a function", "libm.so.6", lacking,
        "the library libm.so.6 is too old: it has no df_no_such_function",
        "apt-get install --only-upgrade libdf9");
    test_broken();
    test_threads();
    return tap_done();
}
