/**
 * The edge function `POST {mentor_id, visible, reason}`: shows a mentor on the chapter's website, or hides the mentor.
 *
 * Here requests are judged by what needs no Python (method, caller, type, size); `set_visibility` does the rest. Python
 * starts with the worker, not with the first request, and stays: one interpreter, one client, any number of requests.
 */

import { answer, log, Problem } from "./answer.ts";
import { bodyOf, checkMethod, checkType, correlationIdOf } from "./asked.ts";
import { callers } from "./caller.ts";
import { type Handler, startPython } from "./python.ts";

const environment = Deno.env.toObject();
const authenticate = callers(environment);
const python: Promise<Handler | null> = started();

async function started(): Promise<Handler | null> {
  const begun = performance.now();
  try {
    const handler = await startPython(environment);
    log("INFO", "python started", { duration_ms: Math.round(performance.now() - begun) });
    return handler;
  } catch (error) {
    // The last line of a traceback: of ours, it names the setting that is missing or wrong, and no value.
    log("ERROR", `python did not start: ${lastLine(error)}`);
    return null;
  }
}

function lastLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).trimEnd().split("\n").at(-1) ?? "";
}

async function handle(request: Request): Promise<Response> {
  const given = correlationIdOf(request);
  const correlationId = given || crypto.randomUUID();
  const begun = performance.now();
  try {
    if (given === "") {
      throw new Problem(400, "bad_request", "x-correlation-id: 1 to 128 letters, digits, '.', '_', '-'");
    }
    checkMethod(request);
    await authenticate(request);
    checkType(request);
    const body = await bodyOf(request);
    const handler = await python;
    if (handler === null) throw new Problem(503, "not_started", "This function is not set up");
    const { status, body: told, headers } = await handler(body, correlationId);
    return answer(status, told, correlationId, headers);
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem(500, "defect", "This function failed");
    const { status, code, title } = problem;
    const kind: Record<string, string> = error instanceof Problem
      ? {}
      : { kind: error instanceof Error ? error.name : typeof error };
    const duration_ms = Math.round(performance.now() - begun);
    log(status < 500 ? "INFO" : "ERROR", "request", {
      status,
      code,
      duration_ms,
      correlation_id: correlationId,
      ...kind,
    });
    return answer(status, { status, code, title }, correlationId, problem.headers);
  }
}

// PORT is for the machine here; where Supabase runs it, the port is Supabase's.
const port = environment.PORT;
const options = port === undefined ? {} : { hostname: "127.0.0.1", port: Number(port) };
Deno.serve({ ...options, onListen: ({ port }) => log("INFO", "listening", { port }) }, handle);
