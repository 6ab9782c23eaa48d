/** What a Python that is kept in memory, and one that starts from it, have to have in common. */

/** Where the modules are, in Python's file system. */
export const MODULES = "/modules.zip";

/** The parts of JavaScript that Python may use: what fetch needs. No file, no environment, no process. */
export const GLOBALS = { AbortController, Object, clearTimeout, fetch, setTimeout };
