/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries that are loaded when they are first needed: libpq and libmariadb bring twenty more libraries with
 * them (TLS, Kerberos, LDAP …), and linking them would cost each start of the program, whatever it does, more
 * than all the rest of it.
 *
 * Who uses one lists its functions once, as an X-macro, and calls them through a table:
 *
 *     #define PQ_FUNCTIONS(X) X(exec, PQexec) X(clear, PQclear)                    in its library.h
 *     typedef struct pq_functions { PQ_FUNCTIONS(DF_LIBRARY_MEMBER) } pq_functions;
 *     extern const pq_functions *const pq;
 *
 *     result = pq->exec(db, "SELECT 1");                                           everywhere else
 *
 * The types come from the library's own header, so a call is checked as if the function were linked.
 */
#ifndef DF_BASE_LIBRARY_H
#define DF_BASE_LIBRARY_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* One function, and where in the table its address goes. */
typedef struct df_library_function {
    const char *name;
    size_t offset;
} df_library_function;

/* One member of a table, for the X-macro. */
#define DF_LIBRARY_MEMBER(member, function) __typeof__(&(function)) member;

typedef struct df_library {
    const char *file;    /* with its version, as the run-time linker wants it: "libpq.so.5" */
    const char *package; /* the Debian package that it comes with */
    const df_library_function *functions;
    size_t n_functions;
    void *table;          /* the function pointers; never written again once `loaded` */
    pthread_mutex_t lock; /* of the table and of `loaded` */
    bool loaded;
} df_library;

/*
 * Makes sure that the library is loaded and its table filled; cheap once it is. From any thread. The library
 * stays until the process ends. DF_CONNECT when it is not installed or cannot be used; the next call tries
 * again.
 */
DF_MUST_USE df_code df_library_load(df_library *library, df_error *err);

#endif
