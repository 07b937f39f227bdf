// Starts Swagger UI over one of the contracts, in the scheme that the browser wishes.

/** Swagger UI brings no types to a page. @type {any} */
const packages = window;

const version = new URLSearchParams(location.search).get("version") === "v1" ? "v1" : "v2";
document.querySelector(`[data-version="${version}"]`)?.setAttribute("aria-current", "page");

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

packages.SwaggerUIBundle({
  url: `/openapi-${version}.json`,
  dom_id: "#swagger",
  docExpansion: "none",
  deepLinking: true,
  filter: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
});

// Swagger UI names its choice of a server only beside it.
const name = () =>
  document.querySelector("#servers:not([aria-label])")?.setAttribute("aria-label", "Server");
new MutationObserver(name).observe(document.body, { subtree: true, childList: true });

// It takes every hash for one of its own addresses, also that of the link to the content.
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main")?.focus();
});
