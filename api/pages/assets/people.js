/** Who calls: the people of the demo shop by one click, or anybody by email and password. */
import { byId, h } from "./dom.js";
import { session, signIn, signOut } from "./session.js";

/** @type {{people?: {email: string, password: string, role: string}[]}} */
const data = JSON.parse(byId("data")?.textContent ?? "{}");

/** Draw who is signed in, and ways to change that. @param {() => void} changed called after a change */
export function drawPeople(changed) {
  const place = byId("people");
  const status = h("p", { class: "fault", role: "alert", hidden: true });
  const current = session();

  /** @param {() => Promise<any>} change @param {string} focus */
  const change = async (change, focus) => {
    try {
      await change();
      drawPeople(changed);
      changed();
      byId(focus)?.focus();
    } catch (error) {
      status.textContent = error.message;
      status.hidden = false;
    }
  };

  const who = current
    ? [h("span", { class: "chip accent" }, current.user.role.toLowerCase()), h("b", { id: "caller" }, current.user.email)]
    : [h("b", { id: "caller" }, "Nobody is signed in")];
  // All stay in their places, so that a second click does not change the account again.
  const buttons = (data.people ?? []).map((person) => h("button", { class: "small-button", title: person.email,
    disabled: person.email === current?.user.email, onclick: () => change(() => signIn(person.email, person.password), "leave") }, person.role.toLowerCase()));
  const leave = h("button", { class: "small-button quiet", id: "leave", onclick: () => change(signOut, "other") }, "Sign out");
  place.replaceChildren(
    h("div", { class: "row" }, who, current && leave),
    h("div", { class: "row" }, buttons.length > 0 && h("span", { class: "muted" }, "Sign in as"), buttons, form(change)),
    status,
  );
}

/** @param {(change: () => Promise<any>, focus: string) => void} change */
function form(change) {
  const email = h("input", { type: "email", id: "email", autocomplete: "username", required: true });
  const password = h("input", { type: "password", id: "password", autocomplete: "current-password", required: true });
  const form = h("form", { class: "sign-in" }, h("label", { for: "email" }, "Email"), email, h("label", { for: "password" }, "Password"), password,
    h("button", { class: "primary", type: "submit" }, "Sign in"));
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    change(() => signIn(email.value, password.value), "leave");
  });
  return h("details", { class: "other" }, h("summary", { id: "other" }, data.people?.length || session() ? "Another account" : "Sign in"), form);
}
