// Unpacks the Chromium of the package, with its libraries and fonts, into TMPDIR.
import { fileURLToPath } from "node:url";

import chromium, { inflate } from "@sparticuz/chromium";

const bin = fileURLToPath(new URL("../bin", import.meta.resolve("@sparticuz/chromium")));
await chromium.executablePath();
await inflate(`${bin}/al2023.tar.br`);
