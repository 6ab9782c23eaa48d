/**
 * Python, started once, from the memory of one that had imported everything: a second instead of many, and nothing that
 * would have to be downloaded. `prepare.ts` makes that memory when the folder is built.
 */

import { loadPyodide } from "pyodide";
import { GLOBALS, MODULES } from "./snapshot.ts";

/** Answers a body, under a correlation id. */
export type Handler = (body: string, correlationId: string) => Promise<Answered>;
export type Answered = { status: number; headers: Record<string, string>; body: Record<string, unknown> };

const HERE = new URL(".", import.meta.url);
/** What the Python part may know of the environment. */
const SETTINGS = [
  "DYNAMICS_AUTHORITY",
  "DYNAMICS_BASE_URL",
  "DYNAMICS_PORTAL_ENABLED",
  "DYNAMICS_SCOPE",
  "LOG_LEVEL",
  "SUPABASE_SERVICE_ROLE_KEY",
  "SUPABASE_URL",
];

export async function startPython(environment: Record<string, string | undefined>): Promise<Handler> {
  const [modules, snapshot] = await Promise.all([Deno.readFile(new URL("python.zip", HERE)), memory()]);
  const options = {
    indexURL: decodeURIComponent(new URL("vendor/pyodide/", HERE).pathname),
    jsglobals: GLOBALS,
    stderr: (line: string) => console.error(line),
    stdout: (line: string) => console.error(line),
    _loadSnapshot: snapshot, // Pyodide's own name; it is not in its types yet
  };
  const python = await loadPyodide(options);
  python.FS.writeFile(MODULES, modules);
  const settings = Object.fromEntries(SETTINGS.flatMap((name) => environment[name] ? [[name, environment[name]]] : []));
  const start = python.runPython("lambda settings: __import__('set_visibility').start(settings.to_py())");
  const service = start(settings);
  return async (body, correlationId) => JSON.parse(await service.handle(body, correlationId));
}

async function memory(): Promise<Uint8Array> {
  const file = await Deno.open(new URL("snapshot.bin.gz", HERE));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).bytes();
}
