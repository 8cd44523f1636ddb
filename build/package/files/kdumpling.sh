#!/bin/sh
# The host command, and kdump_helper by its link: the packaged Node with its own loader and libraries, whatever the host has.
runtime=/usr/lib/kdumpling/runtime
exec "$runtime/@loader@" --library-path "$runtime/@libraries@" "$runtime/bin/node" @flags@ \
  "/usr/lib/kdumpling/${0##*/}" "$@"
