/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_CMD_H
#define PS_CLI_CMD_H
/*
 * One function per command of packseal(1), in cmd_NAME.c. argv[0] is the command's name, its arguments
 * follow. The exit status is returned: 0 done, 1 not done or to be mended, 2 asked wrongly (verify has its
 * own: see verdict.h).
 */
int ps_cmd_barcodes(int argc, char **argv);
int ps_cmd_cameras(int argc, char **argv);
int ps_cmd_cancel(int argc, char **argv);
int ps_cmd_code(int argc, char **argv);
int ps_cmd_doctor(int argc, char **argv);
int ps_cmd_events(int argc, char **argv);
int ps_cmd_export(int argc, char **argv);
int ps_cmd_find(int argc, char **argv);
int ps_cmd_hold(int argc, char **argv);
int ps_cmd_init(int argc, char **argv);
int ps_cmd_intake(int argc, char **argv);
int ps_cmd_key(int argc, char **argv);
int ps_cmd_ledger(int argc, char **argv);
int ps_cmd_link(int argc, char **argv);
int ps_cmd_orders(int argc, char **argv);
int ps_cmd_prune(int argc, char **argv);
int ps_cmd_reindex(int argc, char **argv);
int ps_cmd_report(int argc, char **argv);
int ps_cmd_run(int argc, char **argv);
int ps_cmd_scan(int argc, char **argv);
int ps_cmd_selftest(int argc, char **argv);
int ps_cmd_show(int argc, char **argv);
int ps_cmd_stamp(int argc, char **argv);
int ps_cmd_status(int argc, char **argv);
int ps_cmd_stop(int argc, char **argv);
int ps_cmd_trust(int argc, char **argv);
int ps_cmd_verify(int argc, char **argv);

#endif
