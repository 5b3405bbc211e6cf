/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/holds.h"
#include "archive/outlook.h"
#include "archive/removal.h"
#include "tests/unit/shelf.h"

#define DAY_NS (INT64_C(86400) * 1000000000)
#define GIB (UINT64_C(1) << 30)

static struct ps_config c;
static struct ps_outlook_stock *stock;

static void fresh(void) {
    ps_outlook_stock_free(stock);
    ps_config_default(&c);
    if (ps_outlook_stock_new(&stock) < 0)
        tap_bail("out of memory");
}

/* On a disk of 1000 GiB, of which 50 are kept free. */
static struct ps_outlook reckon(bool by_age, unsigned rate_gib, unsigned free_gib) {
    struct ps_outlook o;
    ps_outlook_reckon(&o, stock, &c, by_age, rate_gib * GIB, free_gib * GIB, 1000 * GIB);
    return o;
}

static void put(uint32_t age, struct ps_retention_clip facts, unsigned gib) {
    ps_outlook_stock_add(stock, &c, age, &facts, gib * GIB);
}

static void new_station(void) {
    fresh();
    struct ps_outlook o = reckon(true, 1, 500);
    tap_is_uint(o.keeps, 180, "with room for all its days a clip goes when they are over");
    tap_ok(o.runs_low == PS_OUTLOOK_NEVER && o.refuses == PS_OUTLOOK_NEVER, "and the disk lasts");
    o = reckon(true, 10, 500);
    tap_is_uint(o.keeps, 45, "with less room it goes when the reserve is needed: 450 GiB by 10 a day");
    tap_ok(o.runs_low == PS_OUTLOOK_NEVER && o.refuses == PS_OUTLOOK_NEVER, "and the disk lasts, too");
    tap_is_uint(reckon(false, 1, 500).keeps, 450, "by a clock that nobody confirms nothing goes before that");
    o = reckon(true, 20, 500);
    tap_is_uint(o.runs_low, 23, "thirty days of 20 GiB have no room: the reserve is missed");
    tap_is_uint(o.refuses, 25, "and soon no clip is begun");
    tap_ok(o.keeps == PS_OUTLOOK_NEVER, "for no clip was old enough to go");
    c.min_days = 0;
    o = reckon(true, 20, 500);
    tap_ok(o.keeps == 22 && o.refuses == PS_OUTLOOK_NEVER, "unless younger ones may go");
    o = reckon(true, 0, 500);
    tap_ok(o.keeps == PS_OUTLOOK_NEVER && o.refuses == PS_OUTLOOK_NEVER,
           "where nothing is recorded nothing ends");
    c.days = 0;
    tap_is_uint(reckon(true, 10, 500).keeps, 45, "clips kept for ever go for room alone");
    c.min_days = 36500;
    tap_is_uint(reckon(true, 10, 500).refuses, 50, "and with neither the free room is all there is");
    tap_is_uint(reckon(true, 10, 0).refuses, 0, "a full disk refuses now");
}

static void full_station(void) {
    const struct ps_retention_clip plain = {.known = true}, held = {.known = true, .held = true},
                                   strange = {.age_ns = 0};
    fresh();
    for (uint32_t age = 0; age < 40; age++)
        put(age, plain, 10);
    struct ps_outlook o = reckon(true, 10, 50);
    tap_is_uint(o.keeps, 40, "a full disk goes on as it is: what comes takes the place of what goes");
    tap_ok(o.refuses == PS_OUTLOOK_NEVER, "with no end");
    o = reckon(true, 14, 50);
    tap_is_uint(o.refuses, PS_OUTLOOK_NEVER, "at a faster rate, too, as long as thirty days have room");
    tap_ok(o.keeps < 30 + 1 && o.keeps >= 28, "for which they go younger (%u days)", o.keeps);
    fresh();
    for (uint32_t age = 0; age < 40; age++)
        put(age, age % 2 ? held : plain, 10);
    tap_is_uint(ps_outlook_stock_kept(stock, PS_RETENTION_HELD), 200 * GIB, "what is held is counted");
    o = reckon(true, 10, 50);
    tap_ok(o.refuses > 4 && o.refuses < 30, "half of it held, the disk ends (in %u days)", o.refuses);
    fresh();
    put(100, strange, 400);
    o = reckon(true, 10, 50);
    tap_is_uint(o.refuses, 5,
                "clips that the ledger does not know never go: five days, and the reserve is used up");
    tap_is_uint(ps_outlook_stock_kept(stock, PS_RETENTION_UNKNOWN), 400 * GIB, "and they are counted");
}

static void outside(void) {
    const struct ps_retention_clip plain = {.known = true}, stamped = {.known = true, .stamped = true};
    fresh();
    c.n_authorities = 1;
    put(100, stamped, 400);
    tap_ok(reckon(true, 10, 50).refuses == PS_OUTLOOK_NEVER, "clips with a time from outside go");
    fresh();
    c.n_authorities = 1;
    put(100, plain, 400);
    tap_is_uint(reckon(true, 10, 50).refuses, 5,
                "those without wait ninety days longer, and the disk does not");
    tap_is_uint(reckon(true, 1, 70).runs_low, PS_OUTLOOK_NEVER, "at a slow rate it does");
    fresh();
    snprintf(c.archive_list, sizeof(c.archive_list), "copies");
    put(29, plain, 20);
    put(30, plain, 40);
    tap_is_uint(
        ps_outlook_stock_kept(stock, PS_RETENTION_UNARCHIVED), 40 * GIB,
        "where copies are asked for, what is due without one stays, and what is not due is copied in time");
}

static void rates(void) {
    const struct ps_retention_clip plain = {.known = true};
    fresh();
    tap_is_uint(ps_outlook_stock_rate(stock), 0, "no clips, no rate");
    put(0, plain, 3);
    tap_is_uint(ps_outlook_stock_rate(stock), 3 * GIB, "on the first day that day");
    put(1, plain, 1);
    tap_is_uint(ps_outlook_stock_rate(stock), 3 * GIB, "on the second the larger of the two");
    put(7, plain, 13);
    tap_is_uint(ps_outlook_stock_rate(stock), 2 * GIB, "after a week its mean without the day that runs");
    put(8, plain, 1000);
    tap_is_uint(ps_outlook_stock_rate(stock), 2 * GIB, "and nothing older");
}

/* More clips of a day than are weighed, one of them held. */
static void taken(void) {
    struct ps_why why = {0};
    char path[PS_ROOT_PATH];
    uint64_t sum = 0, one = 0;
    fresh();
    ps_outlook_stock_free(stock);
    stock = NULL;
    shelf_make();
    for (uint64_t i = 1; i <= 40; i++) {
        struct sample *s = shelf_sample(i, SAMPLE_WALL_NS, "SF1");
        if (shelf_publish(s, 65536, path, &why) < 0)
            tap_bail("%s: %s", why.where, why.text);
        one = ps_removal_weigh(shelf_root, path);
        sum += one;
        free(s);
    }
    struct ps_hold hold = {.since_ns = 1};
    snprintf(hold.clip, sizeof(hold.clip), "%s", strrchr(path, '/') + 1);
    int lock = ps_holds_lock(shelf_root, &why);
    tap_ok(lock >= 0 && ps_holds_put(shelf_root, &hold, &why) == 0, "one of forty clips is held");
    close(lock);
    tap_is_int(ps_outlook_stock_take(&stock, &c, shelf_root, SAMPLE_WALL_NS + 4 * DAY_NS, &why), 0,
               "the clips of a station are weighed");
    if (stock == NULL)
        return;
    tap_is_uint(ps_outlook_stock_kept(stock, PS_RETENTION_HELD), one, "the held one alone");
    uint64_t rate = ps_outlook_stock_rate(stock);
    tap_ok(rate > sum / 4 * 98 / 100 && rate < sum / 4 * 102 / 100,
           "the rate of four days, by some of them: %llu of %llu bytes", (unsigned long long)rate,
           (unsigned long long)sum / 4);
    struct ps_outlook o;
    c.min_days = 0;
    c.days = 0;
    ps_outlook_reckon(&o, stock, &c, false, 0, 0, 0);
    tap_is_uint(o.refuses, 0, "no room and nothing recorded");
    c.reserve_mb = c.min_free_mb = 1;
    ps_outlook_reckon(&o, stock, &c, false, 0, 0, 0);
    tap_ok(o.refuses == PS_OUTLOOK_NEVER && o.keeps == 4, "what may go makes room for a little");
}

int main(void) {
    new_station();
    full_station();
    outside();
    rates();
    taken();
    ps_outlook_stock_free(stock);
    return tap_done();
}
