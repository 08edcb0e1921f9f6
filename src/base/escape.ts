/**
 * Makes text from outside safe to print: control characters (also C1 and escape sequences), line separators and characters
 * that reorder or hide text become visible `\u…`. Applied where text leaves for a terminal, and nowhere else.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(UNSAFE, (character) => {
    if (character === '\t') return '\\t';
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/**
 * C0, DEL and C1; soft hyphen; Arabic letter mark; zero-width and directional marks, separators, embeddings and isolates;
 * word joiner and invisible operators; byte order mark; interlinear annotation; tags; lone surrogates.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\ud800-\udfff]/gu;
