/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "archive/root.h"
#include "tests/unit/tap.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ps_config c;
static struct ps_why why;

static int parse(const char *text) {
    memset(&why, 0, sizeof(why));
    return ps_config_parse(&c, text, strlen(text), "packseal.conf", &why);
}

/* Refused, at this line, with a text that holds this word. */
static void refused(const char *text, const char *where, const char *word, const char *name) {
    int rc = parse(text);
    tap_ok(rc == PS_EFORMAT && strstr(why.where, where) != NULL && strstr(why.text, word) != NULL, "%s",
           name);
    if (rc != PS_EFORMAT || strstr(why.where, where) == NULL || strstr(why.text, word) == NULL)
        tap_diag("rc %d, where '%s', text '%s'", rc, why.where, why.text);
}

static void reads_all(void) {
    const char *text =
        "\xEF\xBB\xBF# a remark\r\n"
        "[station]\r\n"
        "id = ST03\r\n"
        "name = 打包三号台   ; in the hall\r\n"
        "site=HZ01\n"
        "operator = 0017\n"
        "[camera top]\n"
        "  source = v4l2:/dev/video0\n"
        "width = 1280\nheight = 720\nfps = 30\n"
        "[camera side]\nsource = lavf:rtsp://10.0.0.7/stream?a=b\n"
        "[scale bench]\nsource = serial:/dev/ttyS0?baud=2400\nprotocol = st\nline = 7e1\n"
        "[scale floor]\nsource = serial:port=1-2\nprotocol = yaohua\nunit = kg\nask = SI\nask_ms = "
        "0\nchange_grams = 50\n"
        "[scanner main]\nsource = serial:/dev/ttyACM0?baud=9600\nshare = yes\nend = none\ngap_ms = "
        "60\nmin_length = 8\n"
        "prefix = ~\nsuffix = %03\n"
        "[recording]\nsegment_seconds = 3\nqp = 31\nmax_mbit = 0\nidle_seconds = 0\nmax_seconds = 3600\n"
        "originals_every = 0\nmin_free_mb = 0\nfont = /usr/share/fonts/x.ttc\n"
        "[retention]\ndays = 90\nmin_days = 7\nreserve_mb = 500\nreserve_percent = 0\ntrust_clock = yes\n"
        "archive_list = copies\n[time]\nauthority = http://tsa.example/\nca = tsa.pem\n"
        "authority.bj = https://u:p@tsa.example:8443/x\nca.bj=/etc/bj.pem\ncrl.bj = "
        "http://crl.example/x.crl\n"
        "timeout = 5\nretries=0\n[viewer]\nlisten = 0.0.0.0:8080";
    tap_is_int(parse(text), 0, "a full configuration is read, byte order mark and CRLF included");
    tap_is_str(c.station_id, "ST03", "station id");
    tap_is_str(c.station_name, "打包三号台", "a remark after a value is no part of it");
    tap_is_str(c.site, "HZ01", "site");
    tap_is_str(c.operator_id, "0017", "operator");
    tap_is_uint(c.n_cameras, 2, "two cameras");
    tap_is_str(c.cameras[0].source, "v4l2:/dev/video0", "an indented key is a key");
    tap_ok(c.cameras[0].width == 1280 && c.cameras[0].height == 720 && c.cameras[0].fps == 30,
           "picture size and rate");
    tap_is_str(c.cameras[1].source, "lavf:rtsp://10.0.0.7/stream?a=b", "a value may hold = and :");
    tap_is_str(c.scanners[0].name, "main", "scanner");
    tap_ok(c.n_scales == 2 && c.scales[0].protocol == PS_CONFIG_WEIGHT_ST && c.scales[0].data_bits == 7 &&
               c.scales[0].parity == 'e' && c.scales[0].stop_bits == 1 && c.scales[0].settle_ms == 0 &&
               c.scales[0].ask_ms == 500 && c.scales[0].change_grams == 5,
           "a scale that says when it rests");
    tap_ok(strcmp(c.scales[1].ask, "SI") == 0 && c.scales[1].ask_ms == 0 && c.scales[1].settle_ms == 1000 &&
               c.scales[1].unit == PS_CONFIG_UNIT_KG && c.scales[1].data_bits == 8 &&
               c.scales[1].change_grams == 50,
           "and one that does not");
    tap_ok(c.scanners[0].share && c.scanners[0].end == PS_CONFIG_END_NONE, "shared, ended by a pause");
    tap_ok(c.scanners[0].gap_ms == 60 && c.scanners[0].min_length == 8, "of its own pause and length");
    tap_ok(strcmp(c.scanners[0].prefix, "~") == 0 && strcmp(c.scanners[0].suffix, "%03") == 0,
           "with what it puts round its codes");
    tap_ok(c.segment_seconds == 3 && c.qp == 31 && c.max_mbit == 0 && c.idle_seconds == 0 &&
               c.max_seconds == 3600 && c.originals_every == 0 && c.min_free_mb == 0,
           "recording");
    tap_is_str(c.font, "/usr/share/fonts/x.ttc", "font");
    tap_ok(c.n_authorities == 2 && strcmp(c.authorities[0].name, "main") == 0 &&
               strcmp(c.authorities[0].url, "http://tsa.example/") == 0 &&
               strcmp(c.authorities[0].ca, "tsa.pem") == 0 && c.authorities[0].crl[0] == '\0',
           "a time-stamp authority without a name is main");
    tap_ok(strcmp(c.authorities[1].name, "bj") == 0 &&
               strcmp(c.authorities[1].url, "https://u:p@tsa.example:8443/x") == 0 &&
               strcmp(c.authorities[1].ca, "/etc/bj.pem") == 0 &&
               strcmp(c.authorities[1].crl, "http://crl.example/x.crl") == 0,
           "and others have theirs");
    tap_ok(c.days == 90 && c.min_days == 7 && c.reserve_mb == 500 && c.reserve_percent == 0 &&
               c.trust_clock && strcmp(c.archive_list, "copies") == 0,
           "retention");
    tap_ok(c.stamp_timeout == 5 && c.stamp_retries == 0, "patience with them");
}

#define W1 "witness.example/w1+141f260a+BMqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58"

static void witnesses(void) {
    tap_is_int(parse("[station]\nid = A\n[time]\nwitness-key.bj = " W1 "\nwitness.bj = https://w.example/x\n"
                     "witness = http://w2.example\nwitness-key = " W1 "\nrefresh_minutes = 0\n"),
               0, "witnesses are read, key and address in any order");
    tap_ok(c.n_witnesses == 2 && strcmp(c.witnesses[0].name, "bj") == 0 &&
               strcmp(c.witnesses[0].url, "https://w.example/x") == 0 &&
               strcmp(c.witnesses[0].key.name, "witness.example/w1") == 0 &&
               strcmp(c.witnesses[1].name, "main") == 0,
           "with name, address and key");
    tap_ok(c.n_authorities == 0 && c.refresh_minutes == 0, "a witness is no authority");
    refused("[station]\nid = A\n[time]\nwitness = http://x\n", "packseal.conf", "witness-key.main is missing",
            "a witness without a key");
    refused("[station]\nid = A\n[time]\nwitness-key.bj = " W1 "\n", "packseal.conf", "witness.bj is missing",
            "a key without its witness");
    refused("[station]\nid = A\n[time]\nwitness = ftp://x\n", "line 4", "http", "a witness over FTP");
    refused("[station]\nid = A\n[time]\nwitness-key = x+00000000+AAAA\n", "line 4", "NAME+HASH+BASE64",
            "a witness's key that is none");
    refused("[station]\nid = A\n[time]\nwitness-key = packseal.invalid/ST03+6cee08c0+"
            "AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\n",
            "line 4", "cosigns", "a ledger's key is no witness's");
    refused("[station]\nid = A\n[time]\nwitness = http://x\nwitness.main = http://y\n", "line 5", "twice",
            "the same witness under both names");
    refused("[station]\nid = A\n[time]\nwitness_key = x\n", "line 4", "unknown key", "a mistyped key");
    refused("[station]\nid = A\n[time]\nrefresh_minutes = 10081\n", "line 4", "from 0 to 10080",
            "a token refreshed less than once a week");
}

static void defaults(void) {
    tap_is_int(parse("[station]\nid = ST01\n"), 0, "an id is enough");
    tap_is_str(c.station_name, "ST01", "the name is the id when there is none");
    tap_ok(c.refresh_minutes == 60 && c.n_witnesses == 0, "a token is refreshed by the hour");
    tap_ok(c.days == 180 && c.min_days == 30 && c.reserve_mb == 2048 && c.reserve_percent == 5 &&
               !c.trust_clock && c.archive_list[0] == '\0',
           "half a year, and never the last month");
    refused("[station]\nid = A\n[orders]\npath = x\n", "line 4", "unknown key",
            "a mistyped key of the list of orders");
    refused("[station]\nid = A\n[recording]\nmin_seconds = 61\n", "line 4", "0 to 60",
            "a least length of over a minute");
    refused("[station]\nid = A\n[retention]\nday = 1\n", "line 4", "unknown key",
            "a mistyped key of retention");
    refused("[station]\nid = A\n[retention]\ntrust_clock = 1\n", "line 4", "yes or no", "neither yes nor no");
    refused("[station]\nid = A\n[retention]\nreserve_percent = 51\n", "line 4", "from 0 to 50",
            "most of the disk");
    tap_ok(c.segment_seconds == 2 && c.qp == 29 && c.max_mbit == 12 && c.idle_seconds == 300 &&
               c.max_seconds == 1800 && c.originals_every == 60 && c.min_free_mb == 1024 && c.n_cameras == 0,
           "the rest has defaults");
}

static void ladder(void) {
    static const char head[] = "[station]\nid = A\n[camera top]\nsource = v4l2:auto\nfallback = ";
    static const char *const bad[] = {
        "1280x720",    "1280x720@",   "1280x720@0",       "1280x720@30,640x480@30",
        "8x8@30",      "1280*720@30", "640x480@30x",      "99999x480@30",
        "640x480@121", "@30",         "1280x720@30 MJPG", "12800000000x720@30"};
    char text[256];
    snprintf(text, sizeof(text), "%s1280x720@15  640x480@30\n", head);
    tap_is_int(parse(text), 0, "a ladder of smaller pictures");
    tap_is_uint(c.cameras[0].n_fallback, 2, "two steps");
    tap_ok(c.cameras[0].fallback[0].width == 1280 && c.cameras[0].fallback[0].fps == 15 &&
               c.cameras[0].fallback[1].height == 480 && c.cameras[0].fallback[1].fps == 30,
           "in their order");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%s%s\n", head, bad[i]);
        refused(text, "line 5", "fallback is", bad[i]);
    }
    snprintf(text, sizeof(text), "%s", head);
    for (int i = 0; i < 9; i++)
        strncat(text, "640x480@5 ", sizeof(text) - strlen(text) - 1);
    refused(text, "line 5", "up to 8", "nine steps");
}

static void long_lines(void) {
    char text[1200], source[512] = "lavf:/films/";
    for (size_t i = strlen(source); i < sizeof(source) - 1; i++)
        source[i] = i % 40 == 0 ? ';' : i % 37 == 0 ? ' ' : i % 41 == 0 ? '#' : (char)('a' + i % 26);
    source[sizeof(source) - 2] = 'x';
    snprintf(text, sizeof(text), "[station]\nid = A\n# %0600d = [x\n[camera top]\nsource = %s\nfps = 7\n", 0,
             source);
    tap_is_int(parse(text), 0, "lines longer than inih's 200 bytes are read");
    tap_is_str(c.cameras[0].source, source, "a value of 511 bytes arrives whole, blanks and marks included");
    tap_is_int(c.cameras[0].fps, 7, "the line after it too");
    snprintf(text, sizeof(text), "[station]\nid = A\n[camera top]\nsource = %sy\n", source);
    refused(text, "line 4", "too long", "a value of 512 bytes is refused, with its line");
    snprintf(text, sizeof(text), "[station]\nid = A\nname = %0900d\n", 0);
    refused(text, "line 3", "too long", "a name of 900 bytes is refused");
}

static void refusals(void) {
    refused("[station]\nid = ST01\nnmae = x\n", "line 3", "unknown key", "an unknown key");
    refused("[station]\nid = ST01\n   nmae = x\n", "line 3", "unknown key", "an unknown indented key");
    refused("[station]\nid = ST01\n[statoin]\nx = 1\n", "line 4", "unknown section", "an unknown section");
    refused("id = ST01\n", "line 1", "unknown section", "a key before any section");
    refused("[station]\nid = ST01\nnonsense\n", "line 3", "neither", "a line that is nothing");
    refused("[station]\nid = ST01\n[recording\nqp = 30\n", "line 3", "neither",
            "a section without its bracket");
    refused("[station]\nid = ST01\nid = ST02\n", "line 3", "twice", "a key given twice");
    refused("[station]\nid = ST01\n[station]\nid = ST01\n", "line 4", "twice",
            "a key given twice in two sections");
    refused("[station]\nid = ST_01\n", "line 2", "letters", "an id with another character");
    refused("[station]\nid = ABCDEFGHIJKLMNOPQ\n", "line 2", "letters", "an id of 17 characters");
    refused("[station]\nid = ST01\nname = a\tb\n", "line 3", "UTF-8", "a control character in a name");
    refused("[station]\nid = ST01\nname = \xC3(\n", "line 3", "UTF-8", "a name that is not UTF-8");
    refused("[station]\nid = ST01\nsite = HZ\n", "line 3", "4", "a site of two characters");
    refused("[station]\nname = x\n", "packseal.conf", "id is missing", "no id");
    refused("[station]\nid = A\n[camera top]\nfps = 30\n", "packseal.conf", "source is missing",
            "a camera without source");
    refused("[station]\nid = A\n[scale s]\nsource = evdev:x\n", "line 4", "serial:DEVICE",
            "a scale that types");
    refused("[station]\nid = A\n[scale s]\nprotocol = guess\n", "line 4", "protocol is st",
            "a guessed protocol");
    refused("[station]\nid = A\n[scale s]\nline = 9n1\n", "line 4", "8n1", "nine bits");
    refused("[station]\nid = A\n[scale s]\nask_ms = 20\n", "line 4", "50 to 60000", "asked too often");
    refused("[station]\nid = A\n[scale s]\nsource = serial:x\n", "", "protocol is missing", "no protocol");
    refused("[station]\nid = A\n[scale s]\nsource = serial:x\nprotocol = yaohua\n", "", "unit is missing",
            "a protocol without a unit, and none set");
    refused("[station]\nid = A\n[scale a]\nunit = g\n[scale b]\nunit = g\n[scale c]\nunit = g\n", "line 8",
            "too many", "three scales");
    refused("[station]\nid = A\n[scanner s]\nend = return\n", "line 4", "end is any",
            "an unknown end of codes");
    refused("[station]\nid = A\n[scanner s]\ngap_ms = 5\n", "line 4", "10 to 2000",
            "a pause that no scanner keeps");
    refused("[station]\nid = A\n[scanner s]\nshare = maybe\n", "line 4", "yes or no", "half a share");
    refused("[station]\nid = A\n[scanner s]\nprefix = 123456789012345678901234567890123\n", "line 4",
            "too long", "a prefix of 33 bytes");
    refused("[station]\nid = A\n[scanner s]\nsource = usb:1\n", "line 4",
            "stdin:", "a scanner of an unknown kind");
    refused("[station]\nid = A\n[camera top]\nsource = /dev/video0\n", "line 4",
            "v4l2:", "a camera of no kind");
    refused("[station]\nid = A\n[camera Top]\nsource = lavf:x\n", "line 4", "a-z",
            "a camera with a capital letter");
    refused("[station]\nid = A\n[time]\nauthority = ftp://x\n", "line 4", "http", "an authority over FTP");
    refused("[station]\nid = A\n[time]\nauthority.A/B = http://x\n", "line 4", "a-z",
            "an authority with a path as its name");
    refused("[station]\nid = A\n[time]\nca.bj = x.pem\n", "packseal.conf", "authority.bj is missing",
            "a certificate of no authority");
    refused("[station]\nid = A\n[time]\nauthority = http://x\nauthority.main = http://y\n", "line 5", "twice",
            "the same authority under both names");
    refused("[station]\nid = A\n[label]\nread = code128 ean\n", "line 4", "code128 code39",
            "a label kind that is none");
    refused("[station]\nid = A\n[label]\nread = none qr\n", "line 4", "none, or some", "none and something");
    refused("[station]\nid = A\n[label]\ndensity = 0\n", "line 4", "from 1 to 8", "no line of a picture");
    refused("[station]\nid = A\n[label]\npicture_alarms = on\n", "line 4", "yes or no", "neither yes nor no");
    refused("[station]\nid = A\n[camera top]\nsource = lavf:x\n[scanner eye]\nsource = camera:tip\n", "",
            "names no [camera]", "a scanner on a camera that is not there");
    tap_ok(
        parse("[station]\nid = A\n[label]\nread = qr  code39\nnot_seen_seconds = 0\naway_seconds = 30\n") ==
                0 &&
            c.label_read == (PS_CONFIG_LABEL_QR | PS_CONFIG_LABEL_CODE39) && c.label_seconds == 0 &&
            c.label_away == 30,
        "[label] is taken");
    tap_ok(parse("[station]\nid = A\n[label]\nread = none\n") == 0 && c.label_read == 0,
           "labels may be left unread");
    refused("[station]\nid = A\n[time]\ntimeout = 0\n", "line 4", "from 1 to 300", "no patience at all");
    refused("[station]\nid = A\n[time]\nauthorities = x\n", "line 4", "unknown key", "a mistyped authority");
    refused("[station]\nid = A\n[camera ../x]\nsource = lavf:x\n", "line 4", "a-z",
            "a camera named as a path");
    refused("[station]\nid = A\n[camera top]\nsource = lavf:x\nzoom = 1\n", "line 5", "unknown key",
            "an unknown camera key");
}

static void ranges(void) {
    static const struct {
        const char *key;
        long least, most;
    } r[] = {{"segment_seconds", 1, 10},    {"qp", 18, 40},
             {"max_mbit", 0, 1000},         {"idle_seconds", 0, 3600},
             {"max_seconds", 1, 3600},      {"originals_every", 0, 3600},
             {"min_free_mb", 0, 100000000}, {"preroll_seconds", 0, 30}};
    static const char *const odd[] = {"-1", "", "1.5", "0x10", "99999999999999999999", " 5 5", "five"};
    char text[128];
    for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
        bool good = true, bad = true;
        long in[] = {r[i].least, r[i].most}, outside[] = {r[i].least - 1, r[i].most + 1};
        for (int k = 0; k < 2; k++) {
            snprintf(text, sizeof(text), "[station]\nid=A\n[recording]\n%s = %ld\n", r[i].key, in[k]);
            good &= parse(text) == 0;
            snprintf(text, sizeof(text), "[station]\nid=A\n[recording]\n%s = %ld\n", r[i].key, outside[k]);
            bad &= parse(text) == PS_EFORMAT && strstr(why.where, "line 4") != NULL;
        }
        for (size_t k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
            snprintf(text, sizeof(text), "[station]\nid=A\n[recording]\n%s = %s\n", r[i].key, odd[k]);
            bad &= parse(text) == PS_EFORMAT;
        }
        tap_ok(good, "%s takes %ld and %ld", r[i].key, r[i].least, r[i].most);
        tap_ok(bad, "%s takes nothing outside them and nothing but digits", r[i].key);
    }
}

/* A clip ends after an hour, what came before it included. */
static void hour(void) {
    tap_is_int(parse("[station]\nid = A\n[recording]\nmax_seconds = 3570\npreroll_seconds = 30\n"), 0,
               "an hour with its pre-roll");
    tap_is_int(parse("[station]\nid = A\n[recording]\nmax_seconds = 3571\npreroll_seconds = 30\n"),
               PS_EFORMAT, "and not more");
    tap_ok(strstr(why.text, "preroll_seconds") != NULL, "said with the key's name: %s", why.text);
    tap_ok(parse("[station]\nid = A\n") == 0 && c.preroll_seconds == 0, "no pre-roll unless it is asked for");
}

static void amounts(void) {
    char *text = malloc(200000), *p = text;
    p += sprintf(p, "[station]\nid = A\n");
    for (int i = 0; i < 8; i++)
        p += sprintf(p, "[camera c%d]\nsource = lavf:x\n", i);
    tap_is_int(parse(text), 0, "eight cameras");
    sprintf(p, "[camera c8]\nsource = lavf:x\n");
    refused(text, "line 20", "too many", "not nine");
    memset(text, ' ', 70000);
    text[70000] = '\0';
    tap_is_int(parse(text), PS_ELIMIT, "a file over 64 KiB is refused");
    tap_is_int(ps_config_parse(&c, "[station]\nid = A\0\n", 18, "x", &why), PS_EFORMAT,
               "a NUL byte is refused");
    free(text);
    tap_is_int(ps_config_load(&c, "/nonexistent/packseal.conf", &why), PS_ENOENT,
               "a missing file is told as missing");
    tap_is_int(ps_config_load(&c, "/tmp", &why), PS_EIO, "a folder is no configuration");
}

static void roots(void) {
    char out[PS_ROOT_PATH], cwd[512], want[600];
    tap_ok(getcwd(cwd, sizeof(cwd)) != NULL, "working folder");
    setenv("PACKSEAL_ROOT", "/srv/seal//", 1);
    tap_is_int(ps_root_resolve(NULL, out, &why), 0, "root from the environment");
    tap_is_str(out, "/srv/seal", "without slashes at its end");
    tap_is_int(ps_root_resolve("./here", out, &why), 0, "a relative root");
    snprintf(want, sizeof(want), "%s/here", cwd);
    tap_is_str(out, want, "becomes absolute");
    tap_is_int(ps_root_resolve(".", out, &why), 0, "the working folder");
    tap_is_str(out, cwd, "is a root");
    tap_is_int(ps_root_resolve("", out, &why), PS_EINVAL, "an empty root is refused");
    unsetenv("PACKSEAL_ROOT");
    tap_is_int(ps_root_resolve(NULL, out, &why), 0, "root by default");
    tap_is_str(out, PS_ROOT_DEFAULT, "is the installed one");
    char *longer = malloc(2001);
    memset(longer, '/', 2000);
    memset(longer, 'x', 1999);
    longer[0] = '/';
    longer[2000] = '\0';
    tap_is_int(ps_root_resolve(longer, out, &why), PS_ELIMIT, "a root of 2000 bytes is refused");
    free(longer);
}

int main(void) {
    reads_all();
    defaults();
    witnesses();
    ladder();
    long_lines();
    refusals();
    ranges();
    hour();
    amounts();
    roots();
    return tap_done();
}
