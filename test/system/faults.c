/*
 * Makes the disk fail for a process that has it in LD_PRELOAD: writes to the receiver's database
 * or to files of the spool answer ENOSPC while the file "$FAULTS/full" exists, and the next sync of it answers EIO once
 * "$FAULTS/sync" exists, which the fault removes: every later sync succeeds, as after a real one.
 * "$FAULTS/full-database" and "$FAULTS/sync-database" are the same without the database's log.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int has_fault(const char *name, int takes_it) {
  const char *folder = getenv("FAULTS");
  char path[4096];
  if (folder == NULL) return 0;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return takes_it ? unlink(path) == 0 : access(path, F_OK) == 0;
}

/* 1: a database, 2: its log, or what the spool writes, a batch or to see that it can; 0: another file. */
static int kind_of(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  const char *name = strrchr(path, '/');
  if (name == NULL) return 0;
  if (strstr(name, ".batch") != NULL || strstr(name, ".unfinished") != NULL) return 2;
  if (strncmp(name, "/receiver.db", 12) != 0) return 0;
  return strcmp(name + strlen(name) - 3, ".db") == 0 ? 1 : 2;
}

static int is_full(int fd) {
  int kind = kind_of(fd);
  return (kind != 0 && has_fault("full", 0)) || (kind == 1 && has_fault("full-database", 0));
}

static int fails_to_sync(int fd) {
  int kind = kind_of(fd);
  return (kind != 0 && has_fault("sync", 1)) || (kind == 1 && has_fault("sync-database", 1));
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))
#define WRITE(name, offset)                                                        \
  ssize_t name(int fd, const void *bytes, size_t count, offset at) {               \
    if (is_full(fd)) return errno = ENOSPC, -1;                                    \
    return REAL(#name, ssize_t(*)(int, const void *, size_t, offset))(fd, bytes, count, at); \
  }
#define SYNC(name)                                                                 \
  int name(int fd) {                                                               \
    if (fails_to_sync(fd)) return errno = EIO, -1;                                 \
    return REAL(#name, int (*)(int))(fd);                                          \
  }

WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)
SYNC(fsync)
SYNC(fdatasync)

ssize_t write(int fd, const void *bytes, size_t count) {
  if (is_full(fd)) return errno = ENOSPC, -1;
  return REAL("write", ssize_t(*)(int, const void *, size_t))(fd, bytes, count);
}
