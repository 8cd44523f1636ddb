#!/bin/sh
# Runs the host command, also as kdump_helper, on the packaged Node with its own loader and libraries.
runtime=/usr/lib/kdumpling/runtime
exec "$runtime/@loader@" --library-path "$runtime/@libraries@" "$runtime/bin/node" @flags@ \
  "/usr/lib/kdumpling/${0##*/}" "$@"
