/** Where the crash kernel has Node: in the runtime image (build/runtime.ts), which the early stage mounts (initrd/early.sh). */

export const RUNTIME = '/runtime';

/**
 * Starts Node, with its arguments after these words. The first is the C library's loader under Node's name, which the kernel then
 * shows for the process; build/node/page-order.ts says why Node is not started directly.
 */
export const NODE_COMMAND = [`${RUNTIME}/bin/node`, `${RUNTIME}/lib/node`] as const;

/** The FFI's addon. The image has it beside its programs, where they look for it, by a link. */
export const FFI_FILE = `${RUNTIME}/koffi.node`;

/** Starts a program with its code cache (capture/start.ts): the program's path and its arguments come after this word. */
export const START_PROGRAM = '/start.js';

/** What a process becomes that calls code which the image's Node lacks (build/node/door.ts, initrd/again.sh). */
export const AGAIN_SCRIPT = '/again.sh';
