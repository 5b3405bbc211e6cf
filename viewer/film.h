/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_FILM_H
#define PS_VIEWER_FILM_H
/* Opens root/path/name, a regular file by way of no link; name, of the archive's, may have one folder in it. A descriptor, and an
 * ETag of it; or -1 with errno. */
int ps_film_open(const char *root, const char *path, const char *name, char etag[64]);

#endif
