/* Kills its process before a call that changes a file below a folder, or lets that call fail.
 *
 * Loaded by LD_PRELOAD. Calls of all threads are counted together, from one.
 *   FAULT_FOLDER  the folder; calls elsewhere are not counted
 *   FAULT_AT      the call's number
 *   FAULT_DEATH   a second number: from the fault on, the call at which the process dies as well
 *   FAULT         kill, half (write half of it, then die) or an errno
 * What the call is goes to the file FAULT_CALL; at its end a process writes how many calls it made
 * to FAULT_COUNT.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int calls;
static char folder[PATH_MAX];
static int fault_at, death_at;
static const char *fault = "kill";

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int number(const char *name) {
  const char *text = getenv(name);
  return text ? atoi(text) : 0;
}

__attribute__((constructor)) static void set_up(void) {
  const char *given = getenv("FAULT_FOLDER");
  if (given) snprintf(folder, sizeof folder, "%s", given);
  if (getenv("FAULT")) fault = getenv("FAULT");
  fault_at = number("FAULT_AT");
  death_at = number("FAULT_DEATH");
}

static void tell(const char *variable, const char *text) {
  const char *name = getenv(variable);
  FILE *file = name ? fopen(name, "w") : NULL;
  if (file) {
    fputs(text, file);
    fclose(file);
  }
}

__attribute__((destructor)) static void tear_down(void) {
  char text[16];
  snprintf(text, sizeof text, "%d", atomic_load(&calls));
  tell("FAULT_COUNT", text);
}

static int is_below(const char *path) {
  return *folder && !strncmp(path, folder, strlen(folder));
}

static int is_open_below(int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_below(path);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Return 0 to go on, 1 to fail with errno set, 2 to write half and die. */
static int counted(int here, const char *name) {
  if (!here) return 0;
  int call = atomic_fetch_add(&calls, 1) + 1;
  if (death_at && call == death_at) die();
  if (call != fault_at) return 0;
  tell("FAULT_CALL", name);
  if (!strcmp(fault, "kill")) die();
  if (!strcmp(fault, "half")) return 2;
  errno = atoi(fault);
  return 1;
}

#define FAIL(here)                   \
  switch (counted(here, __func__)) { \
    case 1: return -1;               \
    case 2: die();                   \
  }

ssize_t write(int descriptor, const void *bytes, size_t size) {
  switch (counted(is_open_below(descriptor), __func__)) {
    case 1: return -1;
    case 2:
      REAL(write)(descriptor, bytes, size / 2);
      die();
  }
  return REAL(write)(descriptor, bytes, size);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  FAIL(is_open_below(descriptor));
  return REAL(writev)(descriptor, parts, count);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t at) {
  FAIL(is_open_below(descriptor));
  return REAL(pwrite64)(descriptor, bytes, size, at);
}

int ftruncate64(int descriptor, off64_t size) {
  FAIL(is_open_below(descriptor));
  return REAL(ftruncate64)(descriptor, size);
}

int fchmod(int descriptor, mode_t mode) {
  FAIL(is_open_below(descriptor));
  return REAL(fchmod)(descriptor, mode);
}

int fsync(int descriptor) {
  FAIL(is_open_below(descriptor));
  return REAL(fsync)(descriptor);
}

int fdatasync(int descriptor) {
  FAIL(is_open_below(descriptor));
  return REAL(fdatasync)(descriptor);
}

int rename(const char *from, const char *to) {
  FAIL(is_below(to));
  return REAL(rename)(from, to);
}

int unlink(const char *path) {
  FAIL(is_below(path));
  return REAL(unlink)(path);
}

int rmdir(const char *path) {
  FAIL(is_below(path));
  return REAL(rmdir)(path);
}

int mkdir(const char *path, mode_t mode) {
  FAIL(is_below(path));
  return REAL(mkdir)(path, mode);
}

int link(const char *from, const char *to) {
  FAIL(is_below(to));
  return REAL(link)(from, to);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  FAIL((flags & O_CREAT) && is_below(path));
  return REAL(open64)(path, flags, mode);
}
