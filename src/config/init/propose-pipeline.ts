/** The pipeline that `pipe init` writes: for the data that it finds, with a comment at every choice. */
import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { packageRoot } from '../../files/package-root.ts';
import { isInside } from '../../files/project.ts';
import { type CsvPart, type DataLayout, type FoundData, findData } from './inspect-data.ts';

export interface ProposalOptions {
  /** Where the file will lie: paths in it are relative to that. */
  readonly file: string;
  /** A built-in backbone; by default the small one that ships for IDX files, VGG16 for the rest. */
  readonly backbone?: string;
}

export interface Proposal {
  /** The file's content. */
  readonly text: string;
  /** What was found, in a sentence. */
  readonly found: string;
  /** What to type next. */
  readonly next: string;
}

/** Looks at a folder, the folders in it, or a CSV, and proposes a pipeline for the data that it finds. */
export function proposePipeline(data: string, options: ProposalOptions): Result<Proposal, Diagnostic> {
  const [found, ...others] = findData(data);
  if (!found) return err(nothingFound(data));
  if (others.length > 0) return err(severalFound(data, [found, ...others]));
  const { layout } = found;
  const folder = dirname(resolve(options.file));
  const path = (target: string) => scalar(relativePath(folder, target));
  const backbone = options.backbone ?? (layout.layout === 'idx' ? 'vgg-mini' : 'vgg16');
  const test = 'test' in layout.parts;
  const sections = [
    `# yaml-language-server: $schema=${relativePath(folder, join(packageRoot(), 'schemas', 'pipeline.schema.json'))}`,
    `# Made by \`pipe init\`. Run it with \`pipe run ${basename(options.file)}\`; change it, and only what hangs on the change runs again.`,
    `pipeline: ${scalar(nameFor(resolve(options.file)))}`,
    'seed: 42            # of everything that is drawn: the split, first weights, dropout',
    'stages:',
    dataStage(layout, path, resolve(options.file)),
    ...('validation' in layout.parts ? [] : [splitStage]),
    imagesStage('validation' in layout.parts ? 'data' : 'split', backbone),
    featuresStage(backbone),
    headStages,
    ...(test ? [submissionStage] : []),
  ];
  return ok({
    text: `${sections.join('\n')}\n`,
    found: `${relativePath(process.cwd(), found.path)}: ${describe(layout)}`,
    next: `pipe run ${relativePath(process.cwd(), resolve(options.file))}`,
  });
}

/** The file's name; for `pipeline.yaml`, which says nothing, that of its folder. */
function nameFor(file: string): string {
  const name = basename(file).replace(/\.ya?ml$/i, '');
  const folder = basename(dirname(file));
  return name === 'pipeline' && /^[\p{L}\p{N}][\p{L}\p{N} ._+-]{0,99}$/u.test(folder) ? folder : name;
}

function nothingFound(data: string): Diagnostic {
  const help =
    'wanted: a train.csv with filenames and labels beside its images, a folder of images a class, or IDX files (docs/data.md draws them); `--data PATH` says where they are';
  return existsSync(data)
    ? problem('P040', `${data} has none of the data layouts, nor has a folder in it`, { help })
    : problem('P040', `there is no folder ${data}`, { help });
}

function severalFound(data: string, found: readonly FoundData[]): Diagnostic {
  const names = found.map(({ path }) => relativePath(resolve(data), path));
  return problem('P040', `${data} has several folders with data: ${names.slice(0, 10).join(', ')}`, {
    help: `say which is meant: --data ${names[0]}`,
  });
}

function dataStage(layout: DataLayout, path: (target: string) => string, file: string): string {
  const lines = ['  data:', `    kind: ingest-${layout.layout}`, '    with:'];
  switch (layout.layout) {
    case 'csv':
      for (const [split, part] of Object.entries(layout.parts))
        lines.push(`      ${split}: ${csvSettings(part, path)}`);
      lines.push('      # Labels are texts: 01 and 1 are two classes.');
      break;
    case 'idx':
      for (const [split, { images, labels }] of Object.entries(layout.parts)) {
        lines.push(
          `      ${split}: { images: ${path(images)}${labels === undefined ? '' : `, labels: ${path(labels)}`} }`,
        );
      }
      lines.push('      # take: 3000 in the split below tries things out on a part.');
      break;
    case 'folder':
      for (const [split, folder] of Object.entries(layout.parts))
        lines.push(`      ${split}: ${path(folder)}${split === 'train' ? '            # one folder a class' : ''}`);
      lines.push(
        Object.values(layout.parts).some((folder) => isInside(folder, file))
          ? "      exclude: ['*.yaml', 'results/**']   # what pipe itself puts beside the images"
          : "      # exclude: ['**/*.gif']",
      );
      break;
  }
  return lines.join('\n');
}

function csvSettings(part: CsvPart, path: (target: string) => string): string {
  const columns = [
    ...(part.filenameColumn === 'filename' ? [] : [`filenameColumn: ${scalar(part.filenameColumn)}`]),
    ...(part.labelColumn === undefined || part.labelColumn === 'label'
      ? []
      : [`labelColumn: ${scalar(part.labelColumn)}`]),
    ...(part.delimiter === ',' ? [] : [`delimiter: ${JSON.stringify(part.delimiter)}`]),
  ];
  return `{ ${[`csv: ${path(part.csv)}`, `images: ${path(part.images)}`, ...columns].join(', ')} }`;
}

const splitStage = `  split:
    kind: split
    from: data
    with: { validation: 0.3 }         # share of the labelled images that is kept for scoring`;

function imagesStage(from: string, backbone: string): string {
  const small = backbone === 'vgg-mini';
  return `  images:
    kind: preprocess
    from: ${from}
    with:
      size: ${small ? '[32, 32]' : '[224, 224]'}
${small ? '      channels: gray' : '      fit: fill                       # or cover (crops), contain (adds borders)'}`;
}

function featuresStage(backbone: string): string {
  const small = backbone === 'vgg-mini';
  const about = small
    ? '# ships with the package; vgg16, vgg19 and mobilenet-v1 take photos'
    : '# or vgg19, mobilenet-v1, a .onnx or .h5 file';
  return `  features:
    kind: extract-features            # each image once; kept for every head that you try
    from: images
    with:
      backbone: ${scalar(backbone)}${' '.repeat(Math.max(1, 22 - backbone.length))}${about}
${small ? '' : '      weights: imagenet               # downloaded once, checked by its hash\n'}      pooling: ${small ? 'none' : 'average'}${small ? '' : '                # none keeps every position: larger, sometimes better'}`;
}

const headStages = `  head:
    kind: train-head                  # a softmax over the classes is added; its width comes from the data
    from: features
    with:
      layers:
        - dense: { units: 256, activation: relu }
        - dropout: 0.5
      optimizer: adam                 # or { adam: { learningRate: 0.0003 } }
      epochs: 20
      batch: 32
  score:
    kind: evaluate                    # log-loss and accuracy, beside always guessing the largest class
    from: { model: head, data: features }`;

const submissionStage = `  submission:
    kind: predict
    from: { model: head, data: features }
    with: { on: test, file: predictions.csv }`;

function describe(layout: DataLayout): string {
  const splits = Object.keys(layout.parts).join(', ');
  switch (layout.layout) {
    case 'csv':
      return `CSV files (${splits}) and their images`;
    case 'idx':
      return `IDX files (${splits})`;
    case 'folder':
      return `a folder a class (${splits}): ${layout.classes.slice(0, 5).join(', ')}${layout.classes.length > 5 ? ` and ${layout.classes.length - 5} more` : ''}`;
  }
}

/** With `/` on every platform. */
function relativePath(from: string, to: string): string {
  const way = relative(from, to).split(sep).join('/');
  return way === '' ? '.' : way;
}

/** A text as YAML: bare where that is surely the same text. */
function scalar(text: string): string {
  return /^[A-Za-z./][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n|\.inf|\.nan)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
