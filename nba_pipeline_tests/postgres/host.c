/* Another host for a process of the tests: its name and its clock. Loaded with LD_PRELOAD; see hosts.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static long skew(void) {
    const char *seconds = getenv("TEST_HOST_SKEW_SECONDS");
    return seconds ? atol(seconds) : 0;
}

int gethostname(char *name, size_t size) {
    strncpy(name, getenv("TEST_HOST_NAME"), size);
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*of_the_system)(clockid_t, struct timespec *);
    if (!of_the_system)
        of_the_system = dlsym(RTLD_NEXT, "clock_gettime");
    int result = of_the_system(clock, at);
    if (clock == CLOCK_REALTIME)
        at->tv_sec += skew();
    return result;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}
