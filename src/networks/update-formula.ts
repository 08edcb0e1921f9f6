/**
 * A small language for optimizer updates, so that each formula is written once and run by every engine:
 * `m = m + (g - m) * rate` over numbers, with `+ - * /`, brackets, `sqrt`, `abs` and `max`.
 */
export type Expression =
  | { readonly op: 'name'; readonly name: string }
  | { readonly op: 'number'; readonly value: number }
  | { readonly op: '+' | '-' | '*' | '/' | 'max'; readonly left: Expression; readonly right: Expression }
  | { readonly op: 'sqrt' | 'abs'; readonly operand: Expression };

export interface Statement {
  readonly target: string;
  readonly value: Expression;
}

/** @throws SyntaxError on anything else; formulas are ours, so that is a bug. */
export function parseFormula(text: string): Statement {
  const [target = '', right = ''] = text.split(/=(.*)/s).map((part) => part.trim());
  const tokens = right.match(/[A-Za-z]\w*|\d+(\.\d+)?|[-+*/(),]/g) ?? [];
  let at = 0;
  const take = (wanted?: string): string => {
    const token = tokens[at++];
    if (token === undefined || (wanted !== undefined && token !== wanted))
      throw new SyntaxError(`${text}: expected ${wanted ?? 'more'}`);
    return token;
  };
  const atom = (): Expression => {
    const token = take();
    if (token === '(') {
      const inner = sum();
      take(')');
      return inner;
    }
    if (/^\d/.test(token)) return { op: 'number', value: Number(token) };
    if (tokens[at] !== '(') return { op: 'name', name: token };
    take('(');
    const first = sum();
    if (token === 'max') {
      take(',');
      const second = sum();
      take(')');
      return { op: 'max', left: first, right: second };
    }
    take(')');
    if (token !== 'sqrt' && token !== 'abs') throw new SyntaxError(`${text}: unknown function ${token}`);
    return { op: token, operand: first };
  };
  const product = (): Expression => {
    let left = atom();
    for (let sign = tokens[at]; sign === '*' || sign === '/'; sign = tokens[at]) {
      at++;
      left = { op: sign, left, right: atom() };
    }
    return left;
  };
  const sum = (): Expression => {
    let left = product();
    for (let sign = tokens[at]; sign === '+' || sign === '-'; sign = tokens[at]) {
      at++;
      left = { op: sign, left, right: product() };
    }
    return left;
  };
  const value = sum();
  if (at < tokens.length) throw new SyntaxError(`${text}: unexpected ${tokens[at]}`);
  return { target, value };
}
