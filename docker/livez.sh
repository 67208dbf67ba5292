#!/bin/bash
# livez.sh -- does the Sluice of this container turn its loops? Exit 0: GET /livez answers 200.
#
# The image's HEALTHCHECK. bash opens the connection itself: no curl in the image for this alone.
set -eu
port=${SLUICE_LISTEN:-:8080}
exec 3<>"/dev/tcp/127.0.0.1/${port##*:}"
printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
