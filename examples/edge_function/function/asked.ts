/** What is asked of a request before anybody reads its body: method, type, size, correlation id. */

import { Problem } from "./answer.ts";

export const MAX_BODY = 4096; // bytes: a UUID, a word, and a reason of 500 characters in any script
const CORRELATION_ID = /^[\w.-]{1,128}$/; // it is logged as it is: no room for an address, a number or a sentence

export function checkMethod(request: Request): void {
  if (request.method !== "POST") {
    throw new Problem(405, "method_not_allowed", "Only POST is understood", { allow: "POST" });
  }
}

export function correlationIdOf(request: Request): string | null {
  const given = request.headers.get("x-correlation-id");
  return given === null || CORRELATION_ID.test(given) ? given : "";
}

export function checkType(request: Request): void {
  const type = (request.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
  if (type !== "application/json") {
    throw new Problem(415, "unsupported_type", "The body has to be application/json", { accept: "application/json" });
  }
}

/** The body's text. It is read no further than its limit, whatever its length is said to be. */
export async function bodyOf(request: Request): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.byteLength;
    if (size > MAX_BODY) throw new Problem(413, "too_large", `The body may have ${MAX_BODY} bytes`);
    parts.push(part);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(joined(parts, size));
  } catch {
    throw new Problem(400, "bad_request", "The body has to be UTF-8");
  }
}

function joined(parts: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.byteLength;
  }
  return whole;
}
