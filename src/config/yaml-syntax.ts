/** The first document of a YAML text, and what is wrong with the text as YAML. */
import { Composer, type CST, type Document, Parser } from 'yaml';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { locate, type Place } from './source-text.ts';

/** Maps and lists within each other. */
export const DEEPEST = 64;
/** More syntax errors are mostly echoes of the first. */
const MOST_SYNTAX_ERRORS = 10;

export type Placer = (start: number, end: number) => Place;

export interface Syntax {
  /** Absent where there is none, or none that can be used. */
  readonly document?: Document.Parsed;
  readonly problems: readonly Diagnostic[];
}

export function parseSyntax(text: string, place: Placer): Syntax {
  const tokens = Array.from(new Parser().parse(text));
  // The parser has a stack of its own, the composer does not: it must not see what would overflow it.
  const deep = tooDeep(tokens);
  if (deep !== undefined) {
    const location = locate(place(deep, deep + 1));
    return { problems: [problem('P010', 'nested too deep', { location, help: `at most ${DEEPEST} levels` })] };
  }
  const composer = new Composer({
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    resolveKnownTags: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const documents = Array.from(composer.compose(tokens, false, text.length));
  const loose = documents.length === 0 ? composer.streamInfo() : { errors: [], warnings: [] };
  // Other warnings are about names and directives that mean the same here.
  const faults = [...documents, loose].flatMap(({ errors, warnings }) => [
    ...errors,
    ...warnings.filter(({ code }) => code === 'TAG_RESOLVE_FAILED'),
  ]);
  if (faults.length > 0) return { problems: firstOfEachLine(faults.map((fault) => describe(fault, place))) };
  const [first, second] = documents;
  return {
    ...(first && { document: first }),
    problems: [...declaredVersion(first, place), ...secondDocument(second, place)],
  };
}

/** Where the nesting exceeds all that is allowed, found without recursion. */
function tooDeep(tokens: readonly CST.Token[]): number | undefined {
  const open: { readonly token: CST.Token | null | undefined; readonly level: number }[] = tokens.map((token) => ({
    token: token.type === 'document' ? token.value : token,
    level: 0,
  }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, level } = next;
    if (!token || !('items' in token)) continue;
    if (level > DEEPEST) return token.offset;
    for (const { key, value } of token.items)
      open.push({ token: key, level: level + 1 }, { token: value, level: level + 1 });
  }
  return undefined;
}

type Fault = Document.Parsed['errors'][number] | Document.Parsed['warnings'][number];

function describe({ code, message, pos }: Fault, place: Placer): Diagnostic {
  const location = locate(place(pos[0], pos[1]));
  switch (code) {
    case 'TAG_RESOLVE_FAILED':
      return problem('P008', message.replace(/^Unresolved tag: /, 'this tag has no meaning here: '), {
        location,
        help: 'remove the tag',
      });
    case 'TAB_AS_INDENT':
      return problem('P001', 'a tab is used to indent', { location, help: 'indent with spaces' });
    default:
      return problem('P001', message.charAt(0).toLowerCase() + message.slice(1), { location });
  }
}

function firstOfEachLine(problems: readonly Diagnostic[]): readonly Diagnostic[] {
  const lines = new Set<number | undefined>();
  const kept = problems.filter(({ location }) => !lines.has(location?.line) && lines.add(location?.line));
  return kept.slice(0, MOST_SYNTAX_ERRORS);
}

function declaredVersion(document: Document.Parsed | undefined, place: Placer): readonly Diagnostic[] {
  const yaml = document?.directives.yaml;
  if (!yaml?.explicit || yaml.version === '1.2') return [];
  const help = 'remove the %YAML line: pipeline files are YAML 1.2';
  return [problem('P001', `the file declares YAML ${yaml.version}`, { location: locate(place(0, 1)), help })];
}

function secondDocument(document: Document.Parsed | undefined, place: Placer): readonly Diagnostic[] {
  if (!document) return [];
  const location = locate(place(document.range[0], document.range[0] + 1));
  const help = 'a pipeline file is one document; put the other into a file of its own';
  return [problem('P006', 'a second YAML document starts here', { location, help })];
}
