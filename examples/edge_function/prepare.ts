/**
 * Prepares Python once, so that no start has to: prepare.ts PYODIDE MODULES.zip FOLDER
 *
 * `python.zip`: the modules, compiled by the Python that will run them; without source and docstrings.
 * `snapshot.bin.gz`: the memory of a Python that has imported what a request needs. It has seen no setting and no
 * request: no secret can be in it. Pyodide keeps no files in it, so the zip is put at its place at each start.
 */

import process from "node:process";
import { GLOBALS, MODULES } from "./function/snapshot.ts";

process.argv[1] = "/set-visibility"; // Python's name for its program, which would be a path of this machine

const [pyodide, modules, folder] = Deno.args;
const { loadPyodide } = await import(`file://${pyodide}/pyodide.mjs`);

const compiling = await loadPyodide({ indexURL: pyodide });
compiling.unpackArchive(await Deno.readFile(modules), "zip", { extractDir: "/modules" });
const zip: Uint8Array = compiling.runPython(`
import compileall, io, pathlib, py_compile, zipfile

root = pathlib.Path("/modules")
done = compileall.compile_dir(
    root, quiet=1, legacy=True, optimize=2, stripdir="/modules", workers=1,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
)
if not done:
    raise SystemExit("a module could not be compiled")
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".py":
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(root))), path.read_bytes(), zipfile.ZIP_DEFLATED)
packed.getvalue()
`).toJs();
await Deno.writeFile(`${folder}/python.zip`, zip);

/** A Python with the modules in their place. */
async function started(options: Record<string, unknown>) {
  const python = await loadPyodide({ indexURL: pyodide, jsglobals: GLOBALS, stderr: () => {}, ...options });
  python.FS.writeFile(MODULES, zip);
  python.runPython(`import sys; sys.path.append("${MODULES}")`);
  return python;
}

// What a request imports is found out by one, to the client that does nothing, and by a failure that is tried again.
const trying = await started({});
const names: string = await trying.runPythonAsync(`
import sys
import set_visibility
import dynamics_portal._dynamics_codes, dynamics_portal._failures, tenacity
from dynamics_portal import ConflictError, ErrorCode

service = set_visibility.start({"DYNAMICS_PORTAL_ENABLED": "false"})
body = '{"mentor_id": "00000000-0000-4000-8000-000000000001", "visible": true, "reason": "a trial"}'
await service.handle(body, "trial")
str(ConflictError(ErrorCode.CONFLICT, "The row exists"))
" ".join(name for name in sys.modules if not name.startswith(("_", "js", "pyodide")))
`);
const kept = await started({ _makeSnapshot: true });
kept.runPython(`import importlib\nfor name in """${names}""".split(): importlib.import_module(name)`);
const snapshot = new Blob([kept.makeMemorySnapshot()]).stream().pipeThrough(new CompressionStream("gzip"));
await Deno.writeFile(`${folder}/snapshot.bin.gz`, snapshot);
Deno.exit(0); // a Pyodide keeps the process alive
