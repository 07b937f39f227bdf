// Buttons that copy code, and the search at the side. Without scripts all else is there.

import { copyButton } from "./dom.js";
import { scroll } from "./side.js";

scroll();
for (const pre of document.querySelectorAll("figure.code pre")) {
  pre.after(copyButton(pre, pre.getAttribute("aria-label") ?? ""));
}
