/** Answers that need no Python: problems (RFC 9457), with a code for programs and a title for people. */

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(title);
  }
}

export function answer(
  status: number,
  body: Record<string, unknown>,
  correlationId: string,
  headers: Record<string, string> = {},
): Response {
  const type = "code" in body ? "application/problem+json" : "application/json";
  const told = "code" in body ? { ...body, correlation_id: correlationId } : body;
  return new Response(JSON.stringify(told), {
    status,
    headers: {
      "content-type": type,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-correlation-id": correlationId,
      ...headers,
    },
  });
}

/** A line of the log: these facts and no others, as the Python part writes them. */
export function log(level: "INFO" | "ERROR", message: string, facts: Record<string, string | number> = {}): void {
  console.error(JSON.stringify({ level, logger: "set_visibility.host", message, ...facts }));
}
