/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_CAMERAS_H
#define PS_CLI_CAMERAS_H
/*
 * Cameras for people.
 */
#include <jansson.h>

/* A line a camera, and what is known of its device; any member may be missing. */
void ps_cameras_print(const json_t *cameras);

#endif
