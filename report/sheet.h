/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_SHEET_H
#define PS_REPORT_SHEET_H
/*
 * packseal-report --barcodes: the sheet of barcodes as a file.
 */

/* argv: --barcodes SITE --station NAME --out FILE [--operator NUMBER[=NAME]]… Prints the file's name, or one line of what went
 * wrong. Returns the exit status. */
int ps_sheet_main(int argc, char **argv);

#endif
