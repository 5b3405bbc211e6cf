/* SPDX-License-Identifier: ISC */
/* The statement's words, names and times. */
#include <stdio.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/statement_internal.h"

#define NS_PER_DAY (86400LL * 1000 * PS_NS_PER_MS)

static const char *const end_reasons[] = {
    NULL,
    [PS_END_NEXT_CODE] = "next-code",
    [PS_END_SAME_CODE] = "same-code",
    [PS_END_STOP] = "stop",
    [PS_END_CANCELLED] = "cancelled",
    [PS_END_IDLE] = "idle",
    [PS_END_MAXIMUM] = "maximum",
    [PS_END_SHUTDOWN] = "shutdown",
    [PS_END_POWER_LOSS] = "power-loss",
    [PS_END_CRASH] = "crash",
    [PS_END_CAMERA_LOST] = "camera-lost",
    [PS_END_DISK_FULL] = "disk-full",
    [PS_END_FAULT] = "fault",
};
static const char *const labels[] = {
    [PS_LABEL_NOT_SEEN] = "not-seen",
    [PS_LABEL_MATCHED] = "matched",
    [PS_LABEL_OTHER] = "other",
    [PS_LABEL_NOT_CHECKED] = "not-checked",
};
static const char *const clocks[] = {
    [PS_CLOCK_UNKNOWN] = "unknown",
    [PS_CLOCK_SYNCED] = "synced",
    [PS_CLOCK_UNSYNCED] = "unsynced",
};

#define WORDS(t) t, sizeof t / sizeof t[0]

static const char *word_of(uint8_t v, const char *const *words, size_t n) {
    return v < n ? words[v] : NULL;
}

static int value_of(const char *word, const char *const *words, size_t n) {
    for (size_t i = 0; word != NULL && i < n; i++) {
        if (words[i] != NULL && strcmp(words[i], word) == 0)
            return (int)i;
    }
    return -1;
}

const char *ps_statement_end_reason(uint8_t reason) {
    return word_of(reason, WORDS(end_reasons));
}

int ps_statement_end_reason_of(const char *word) {
    return value_of(word, WORDS(end_reasons));
}

const char *ps_statement_label(uint8_t label) {
    return word_of(label, WORDS(labels));
}

int ps_statement_label_of(const char *word) {
    return value_of(word, WORDS(labels));
}

const char *ps_statement_clock(uint8_t clock) {
    return word_of(clock, WORDS(clocks));
}

int ps_statement_clock_of(const char *word) {
    return value_of(word, WORDS(clocks));
}

bool ps_statement_file_name_ok(const char *name) {
    size_t slashes = 0;
    bool begin = true; /* of a component */
    size_t n = strnlen(name, PS_MAX_FILE_NAME + 1);
    if (n == 0 || n > PS_MAX_FILE_NAME)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (c == '/' && !begin && ++slashes == 1) {
            begin = true;
            continue;
        }
        /* Neither hidden files and "..", nor what a command would take for an option. */
        if (!letter && (begin || memchr("._-", c, 3) == NULL))
            return false;
        begin = false;
    }
    return !begin;
}

void ps_statement_clip_name(const char *station, uint64_t number, char out[40]) {
    snprintf(out, 40, "%.*s-%07llu", PS_MAX_STATION_ID, station, (unsigned long long)number);
}

int ps_statement_comment(const struct ps_clip *c, const uint8_t statement_sha256[32],
                         char out[PS_MAX_TRUSTED_COMMENT + 1]) {
    char name[40], ended[32], hex[65];
    if (!ps_opening_station_ok(c->opening.station))
        return PS_EINVAL;
    ps_statement_clip_name(c->opening.station, c->number, name);
    ps_statement_time_text(c->ended.wall_ns, ended);
    ps_bytes_hex(hex, statement_sha256, 32);
    snprintf(out, PS_MAX_TRUSTED_COMMENT + 1, "packseal v1 clip %s ended %s sha256 %s", name, ended, hex);
    return 0;
}

/* ---- time: the Gregorian calendar, in years that begin on 1 March so that the leap day is last ---- */

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to a date; month 1 to 12. */
static int64_t days_of(int64_t year, int month, int day) {
    int64_t y = month > 2 ? year : year - 1;
    int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + in_year - 719468;
}

void ps_statement_time_text(int64_t wall_ns, char out[32]) {
    int64_t days = floor_div(wall_ns, NS_PER_DAY);
    unsigned ms = (unsigned)((wall_ns % NS_PER_DAY + NS_PER_DAY) % NS_PER_DAY / PS_NS_PER_MS);
    /* A first guess that is never too late by more than a year, then the exact one. */
    int64_t year = 1970 + floor_div(days, 366) - (days < 0);
    while (days_of(year + 1, 1, 1) <= days)
        year++;
    while (days_of(year, 1, 1) > days)
        year--;
    int month = 12;
    while (month > 1 && days_of(year, month, 1) > days)
        month--;
    unsigned day = (unsigned)(days - days_of(year, month, 1)) + 1;
    snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year % 10000, (unsigned)month % 100,
             day % 100, ms / 3600000 % 24, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

/* The number at text[from], of n digits. The caller has checked the shape. */
static int digits(const char *text, size_t from, size_t n) {
    int v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (text[from + i] - '0');
    return v;
}

int ps_statement_time_of(const char *text, int64_t *wall_ns) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    if (strnlen(text, sizeof shape) != sizeof shape - 1)
        return PS_EFORMAT;
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool fits = shape[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == shape[i];
        if (!fits)
            return PS_EFORMAT;
    }
    int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
    int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
    /* 60 is a leap second, which CLOCK_REALTIME does not have. */
    if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59)
        return PS_EFORMAT;
    if (year < 1678 || year > 2261) /* what int64 nanoseconds hold in full */
        return PS_ELIMIT;
    int64_t days = days_of(year, month, day);
    int64_t next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
    if (days >= next)
        return PS_EFORMAT;
    int64_t ms = ((hour * 60 + minute) * 60 + second) * 1000LL + digits(text, 20, 3);
    *wall_ns = days * NS_PER_DAY + ms * PS_NS_PER_MS;
    return 0;
}
