#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Where the web pages are, and while there is no administrator the code that makes one. In English: this screen has no Chinese
# letters. With pages for this machine alone there is nothing to tell.
conf=/etc/packseal/packseal.conf code=/var/lib/packseal/viewer/code

value() { sed -n "s/^$1[[:space:]]*=[[:space:]]*//p" "$conf" | head -n 1; }

listen=$(value listen)
case $listen in
'' | off | 127.* | '[::1]'*) exit 0 ;;
esac
scheme=http
test -z "$(value tls_cert)" || scheme=https

# The viewer makes the code when it starts; a server may take its time to give an address.
n=0
while addresses=$(hostname -I | tr ' ' '\n' | grep -v : | head -n 4) && n=$((n + 1)) && test $n -le 120; do
    if test -n "$addresses" && { test -s "$code" || test $n -gt 60; }; then
        break
    fi
    sleep 1
done
case $listen in
0.0.0.0:* | '[::]:'*) ;;
*) addresses=${listen%:*} ;;
esac
test -n "$addresses" || echo "web pages   no address yet: is the network cable plugged in?"
for a in $addresses; do
    echo "web pages   $scheme://$a:${listen##*:}/"
done
test ! -s "$code" || packseal code
