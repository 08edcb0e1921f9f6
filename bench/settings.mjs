// What `npm run bench` is asked for.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const usage = `npm run bench [-- NAME… OPTIONS]: one table of all cases, or of those named; figures are compared within one run.

  --list               the cases and what they measure
  --n N                rounds of every case, in place of its own number
  --data FOLDER        real data: datasets/mnist, datasets/hymenoptera and models/ below it
  --peers PYTHON       also Keras, torch, OpenVINO, OpenCV, scikit-learn, DVC, Snakemake, as far as this Python has them (repeatable)
  --gpu                the cases for a machine with an NVIDIA GPU, in place of the others
  --json FILE          the table as JSON too
  --compare FILE       beside the table of an earlier --json; given twice, the two files side by side and nothing is run
`;

/** @returns the settings; throws an Error that says what is wrong with them */
export function settingsOf(words) {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      n: { type: 'string' },
      data: { type: 'string' },
      peers: { type: 'string', multiple: true, default: [] },
      gpu: { type: 'boolean', default: false },
      json: { type: 'string' },
      compare: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const n = values.n === undefined ? undefined : Number(values.n);
  if (n !== undefined && !(Number.isInteger(n) && n >= 1)) throw new Error(`--n ${values.n} is no number of rounds`);
  if (values.compare.length > 2) throw new Error('--compare takes one file or two');
  return {
    ...values,
    names: positionals,
    data: values.data && resolve(values.data),
    /** Rounds of a case that would take `own` by itself. */
    rounds: (own) => n ?? own,
  };
}
