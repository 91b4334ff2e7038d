// Counts the tokens of each text on stdin (a JSON array of strings), with the vocabulary
// o200k_base. Prints a JSON array of numbers.

import { text } from "node:stream/consumers";

import { countTokens } from "gpt-tokenizer/encoding/o200k_base";

const texts = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(texts.map((text) => countTokens(text))));
