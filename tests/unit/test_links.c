/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers learned later: their digest as FORMAT.md section 4.4 has it, and their files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/links.h"
#include "evidence/bytes.h"
#include "tests/unit/tap.h"

int main(void) {
    /* SHA-256("packseal/link/v1" 00 ‖ 00 01 … 0f ‖ 00 0b ‖ "claim-88001"), by sha256sum */
    static const char wanted[] = "4e25b1eb93d63283c5d732e7c414689a211359442a634591e3bc827b71e42179";
    char root[] = "/tmp/packseal-links.XXXXXX", path[256], hex[65];
    struct ps_link l = {.clip = "ST03-0000123",
                        .number = "claim-88001",
                        .leaf = 131,
                        .at_ns = 1763712930000000000},
                   got[4];
    struct ps_why why = {0};
    uint8_t digest[32];
    FILE *f;

    if (!mkdtemp(root))
        return 1;
    for (uint8_t i = 0; i < 16; i++)
        l.salt[i] = i;
    tap_is_int(ps_links_digest(&l, digest), 0, "a link has a digest");
    ps_bytes_hex(hex, digest, sizeof digest);
    tap_is_str(hex, wanted, "over salt and number");
    tap_is_int(ps_links_of(root, l.clip, got, 4), 0, "no folder, no link");
    tap_is_int(ps_links_drop(root, l.clip, &why), 0, "nor anything to take away");
    tap_is_int(ps_links_put(root, &l, &why), 0, "a link is kept");
    tap_is_int(ps_links_put(root, &l, &why), PS_EEXIST, "and never overwritten");
    l.leaf = 7;
    (void)snprintf(l.number, sizeof l.number, "订单 \"7\" \\");
    tap_is_int(ps_links_put(root, &l, &why), 0, "one of an earlier entry, with quotation marks");
    tap_is_int(ps_links_of(root, l.clip, got, 4), 2, "both are read");
    tap_ok(got[0].leaf == 7 && strcmp(got[0].number, l.number) == 0 && got[1].leaf == 131 &&
               memcmp(got[1].salt, l.salt, 16) == 0 && got[1].at_ns == l.at_ns,
           "by the order of their entries, as they were put");
    (void)snprintf(path, sizeof path, "%s/links/ST03-0000123/0000007", root);
    if ((f = fopen(path, "w")) != NULL) {
        (void)fputs("{\"type\":\"packseal-link\",\"version\":1,\"crit\":[\"x\"],\"x\":1}", f);
        (void)fclose(f);
    }
    tap_is_int(ps_links_of(root, l.clip, got, 4), 1, "one that a reader must not understand is passed over");
    tap_is_int(ps_links_of(root, "../etc", got, 4), 0, "a name that is no clip's leads nowhere");
    tap_is_int(ps_links_drop(root, l.clip, &why), 0, "all of a clip are taken away");
    tap_is_int(ps_links_of(root, l.clip, got, 4), 0, "and gone");
    (void)snprintf(path, sizeof path, "%s/links", root);
    rmdir(path);
    tap_is_int(rmdir(root), 0, "with their folder");
    return tap_done();
}
