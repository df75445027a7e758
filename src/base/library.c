/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The linker's message starts with the name of the file that it lacks: the library, or one that it needs. */
static df_code not_loaded(const df_library *library, const char *reason, df_error *err)
{
    char text[512];
    bool missing =
        strncmp(reason, library->file, strlen(library->file)) == 0 && strstr(reason, strerror(ENOENT));
    if (missing) {
        snprintf(text, sizeof text, "the library %s is not installed", library->file);
    } else {
        snprintf(text, sizeof text, "the library %s cannot be loaded: %s", library->file, reason);
    }
    df_fail(err, DF_CONNECT, "%s", text);
    df_error_hint(err, "apt-get install %s%s", missing ? "" : "--reinstall ", library->package);
    return DF_CONNECT;
}

static df_code too_old(const df_library *library, const char *function, df_error *err)
{
    char text[256];
    snprintf(text, sizeof text, "the library %s is too old: it has no %s", library->file, function);
    df_fail(err, DF_CONNECT, "%s", text);
    df_error_hint(err, "apt-get install --only-upgrade %s", library->package);
    return DF_CONNECT;
}

static const char *last_reason(void)
{
    const char *reason = dlerror();
    return reason ? reason : "the linker gave no reason";
}

static df_code load(df_library *library, df_error *err)
{
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return not_loaded(library, last_reason(), err);
    for (size_t i = 0; i < library->n_functions; i++) {
        const df_library_function *function = &library->functions[i];
        void *address = dlsym(handle, function->name);
        if (!address) {
            dlclose(handle);
            return too_old(library, function->name, err);
        }
        /* ISO C has no cast from an object's address to a function's; POSIX says that they look alike. */
        memcpy((char *)library->table + function->offset, &address, sizeof address);
    }
    library->loaded = true;
    return DF_OK;
}

df_code df_library_load(df_library *library, df_error *err)
{
    pthread_mutex_lock(&library->lock);
    df_code code = library->loaded ? DF_OK : load(library, err);
    pthread_mutex_unlock(&library->lock);
    return code;
}
