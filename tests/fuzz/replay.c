/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over the files of a folder, as an ordinary test: replay
 * CORPUS. A crash is what fails; each file is announced before it is run, so
 * that the last one named is the culprit.
 */
#include "tap.h"

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file)
    return;
  size_t room = 1 << 16, size = 0, got;
  uint8_t *data = malloc(room);
  while (data && (got = fread(data + size, 1, room - size, file)) > 0) {
    size += got;
    if (size == room)
      data = realloc(data, room *= 2);
  }
  fclose(file);
  note("%s", name);
  fflush(stdout);
  if (data)
    LLVMFuzzerTestOneInput(data, size);
  check(data != NULL, "%s", name);
  free(data);
}

int main(int argc, char **argv) {
  DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
  if (!folder) {
    printf("Bail out! cannot open the corpus\n");
    return 1;
  }
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] != '.')
      replay(argv[1], entry->d_name);
  }
  closedir(folder);
  check(tap_count > 0, "there is a corpus");
  return tap_done();
}
