/**
 * Who calls, and whether they may: Supabase's token, verified, and the role that only Supabase's administrators can give.
 *
 * A signature is checked with one kind of key, never with whichever the token names: the project's signing keys (JWKS),
 * or the shared secret of older projects where that is set.
 *
 * Source: Supabase, "JSON Web Token (JWT)"; "JWT Claims Reference"; RFC 8725, "JSON Web Token Best Current Practices".
 */

import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from "jose";
import { Problem } from "./answer.ts";

type Environment = Record<string, string | undefined>;

const ROLE = "administrator"; // coordinators see and change their own mentors only: examples/coordinator_status
const LEEWAY = 5; // seconds that two machines' clocks may be apart

/** Verifies callers by what the environment says. Throws `Error` that names what is missing. */
export function callers(environment: Environment): (request: Request) => Promise<void> {
  const project = environment.SUPABASE_URL;
  const organisation = environment.ORGANISATION;
  if (!project) throw new Error("set SUPABASE_URL: its tokens are the ones that are taken");
  if (!organisation) throw new Error("set ORGANISATION: whose administrators may call");
  const issuer = `${project.replace(/\/+$/, "")}/auth/v1`;
  const secret = environment.JWT_SECRET;
  if (secret !== undefined && secret.length < 32) throw new Error("JWT_SECRET: HS256 needs 32 characters or more");
  const key: Uint8Array | JWTVerifyGetKey = secret
    ? new TextEncoder().encode(secret)
    : createRemoteJWKSet(new URL(environment.JWKS_URL ?? `${issuer}/.well-known/jwks.json`), { timeoutDuration: 3000 });
  const options = {
    issuer,
    audience: "authenticated",
    algorithms: secret ? ["HS256"] : ["ES256", "RS256"],
    clockTolerance: LEEWAY,
    requiredClaims: ["exp", "sub"],
  };
  return async (request) => {
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (!token) throw refused();
    authorise(await verified(token, key, options), organisation);
  };
}

async function verified(
  token: string,
  key: Uint8Array | JWTVerifyGetKey,
  options: Parameters<typeof jwtVerify>[2],
): Promise<JWTPayload> {
  try {
    const { payload } = typeof key === "function"
      ? await jwtVerify(token, key, options)
      : await jwtVerify(token, key, options);
    return payload;
  } catch (error) {
    // What the token is refused for is not told: it would help nobody who has a good one.
    const ofToken = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) &&
      !(error instanceof errors.JWKSInvalid) && error.code !== "ERR_JOSE_GENERIC";
    if (ofToken) throw refused();
    throw new Problem(503, "keys_unavailable", "Tokens cannot be verified at the moment", { "retry-after": "5" });
  }
}

/** `app_metadata` is what only the service role can write; a user's own `user_metadata` counts for nothing. */
function authorise(claims: JWTPayload, organisation: string): void {
  const given = claims.app_metadata as Record<string, unknown> | undefined;
  const isUser = claims.role === "authenticated" && claims.is_anonymous !== true;
  if (!isUser || given?.portal_role !== ROLE || given?.organisation !== organisation) {
    throw new Problem(403, "not_permitted", "The caller may not do this");
  }
}

function refused(): Problem {
  return new Problem(401, "not_authenticated", "A valid access token is needed", { "www-authenticate": "Bearer" });
}
