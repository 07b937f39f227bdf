/** Who is signed in, for all pages of this tab: tokens live in sessionStorage, never in an address. */

const KEY = "tandem.session";
/** A token is renewed this long before it ends. */
const EARLY = 30_000;

/** @returns {Session | null} */
export function session() {
  const kept = sessionStorage.getItem(KEY);
  return kept ? JSON.parse(kept) : null;
}

/** The role that the server will see; a visitor without a token has PUBLIC. */
export const role = () => session()?.user.role ?? "PUBLIC";

/** Sign in; throws an `Error` with what the server says. @param {string} email @param {string} password */
export const signIn = async (email, password) => keep(await post("login", { email, password }));

/** Sign out, here at once and on the server. */
export async function signOut() {
  const kept = session();
  sessionStorage.removeItem(KEY);
  if (kept) await post("logout", { refreshToken: kept.refreshToken }).catch(() => undefined);
}

/** @type {Promise<Session> | null} */
let renewing = null;

/** A token that is still good, renewed when it is about to end; none for a visitor. */
export async function token() {
  const kept = session();
  if (!kept || kept.expiresAt - EARLY > Date.now()) return kept?.accessToken;
  // A refresh token works once, so calls at one time share its answer.
  renewing ??= post("refresh", { refreshToken: kept.refreshToken }).then(keep);
  try {
    return (await renewing).accessToken;
  } catch (error) {
    // A server that cannot answer now does not end the session.
    if (!error.isRefused) throw error;
    sessionStorage.removeItem(KEY);
  } finally {
    renewing = null;
  }
}

/** @param {any} tokens @returns {Session} */
function keep({ accessToken, refreshToken, expiresIn, user }) {
  const { id, email, role, fullName } = user;
  const kept = { accessToken, refreshToken, expiresAt: Date.now() + expiresIn * 1000, user: { id, email, role, fullName } };
  sessionStorage.setItem(KEY, JSON.stringify(kept));
  return kept;
}

/** @param {string} path @param {any} body */
async function post(path, body) {
  const answer = await fetch(`/api/v2/auth/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(found.detail ?? found.title), { isRefused: answer.status === 401 });
  return found;
}
