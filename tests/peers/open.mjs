// The browser of a program that opens a sign-in page:
//
//   node open.mjs AUTHORIZE-URL
//
// Allows access, and follows the redirect to the program.

import { signInAndAllow } from "./browser.mjs";

const redirect = await signInAndAllow(process.argv[2], {});
const response = await fetch(redirect, { signal: AbortSignal.timeout(20_000) });
if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
